#include "data/augment.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "core/check.h"
#include "data/draws.h"

namespace fastnn {

namespace {

constexpr std::int64_t most_channels = 4, most_side = (1 << 15) - 1;

// Of the stream of a seed and epoch, a sample's own: more words than `strong` draws.
constexpr std::uint64_t blocks_per_sample = 4;

// One image: sizes, and from one channel, line or pixel to the next.
struct PixelLayout {
    std::int64_t channels, height, width, plane, line, pixel;

    explicit PixelLayout(const TensorView& x) : channels(x.shape[1]), height(x.shape[2]), width(x.shape[3]) {
        const bool planar = x.contiguous();
        plane = planar ? height * width : 1;
        pixel = planar ? 1 : channels;
        line = width * pixel;
    }
    std::int64_t size() const { return channels * height * width; }
};

// -- light ------------------------------------------------------------------------------------------------------------

// Pixels of some bytes in the opposite order: x is the last of them.
template <std::int64_t bytes>
void reverse_pixels(const std::uint8_t* x, std::int64_t count, std::uint8_t* y) {
    for (std::int64_t i = 0; i < count; ++i) std::memcpy(y + i * bytes, x - i * bytes, bytes);
}

// `count` pixels from x on, taken forwards or backwards.
void copy_pixels(const std::uint8_t* x, bool backwards, std::int64_t bytes, std::int64_t count, std::uint8_t* y) {
    if (!backwards) return void(std::memcpy(y, x, static_cast<std::size_t>(count * bytes)));
    if (bytes == 1) return reverse_pixels<1>(x, count, y);
    if (bytes == 3) return reverse_pixels<3>(x, count, y);
    for (std::int64_t i = 0; i < count; ++i) std::memcpy(y + i * bytes, x - i * bytes, static_cast<std::size_t>(bytes));
}

// y[i] = x[reflected(i + shift)], i counted from the right where flipped; |shift| < width.
void move_line(const std::uint8_t* x, std::int64_t width, std::int64_t bytes, std::int64_t shift, bool flip,
               std::uint8_t* y) {
    std::int64_t done = 0;
    const auto run = [&](std::int64_t first, bool backwards, std::int64_t count) {
        if (count == 0) return;
        const std::int64_t from = !flip ? first : backwards ? first + 1 - count : first + count - 1;
        const std::int64_t to = flip ? width - done - count : done;
        copy_pixels(x + from * bytes, backwards != flip, bytes, count, y + to * bytes);
        done += count;
    };
    const std::int64_t left = std::max<std::int64_t>(0, -shift), right = std::max<std::int64_t>(0, shift);
    run(left, true, left);
    run(right, false, width - left - right);
    run(width - 2, true, right);
}

std::int64_t reflected(std::int64_t i, std::int64_t size) {
    const std::int64_t inside = i < 0 ? -i : i;
    return inside < size ? inside : 2 * (size - 1) - inside;
}

void augment_lightly(Draws& draws, const PixelLayout& image, const std::uint8_t* x, std::uint8_t* y) {
    constexpr std::int64_t share = 8;
    const auto shift = [&](std::int64_t side) {
        const int most = static_cast<int>(side / share);
        return draws.between(-most, most);
    };
    const bool flip = draws.below(2) != 0;
    const int down = shift(image.height), right = shift(image.width);
    const std::int64_t planes = image.pixel == 1 ? image.channels : 1;
    for (std::int64_t c = 0; c < planes; ++c) {
        for (std::int64_t i = 0; i < image.height; ++i) {
            const std::uint8_t* const from = x + c * image.plane + reflected(i + down, image.height) * image.line;
            move_line(from, image.width, image.pixel, right, flip, y + c * image.plane + i * image.line);
        }
    }
}

// -- strong -----------------------------------------------------------------------------------------------------------

using Sums = std::array<std::int64_t, most_channels>;  // of each channel

constexpr std::int64_t one = 1 << 16;  // of shares and weights

// floor(sqrt(x)) of x < 2^34, a bit of the root at a time.
std::int64_t whole_root(std::int64_t x) {
    std::int64_t root = 0;
    for (std::int64_t bit = one; bit > 0; bit /= 2) {
        if ((root + bit) * (root + bit) <= x) root += bit;
    }
    return root;
}

// Where output pixels are in the input, in 2^-33 of a pixel: pixel (x, y) of W x H at
// centre + (2x + 1 - W) * by_column + (2y + 1 - H) * by_row. Products of two shares are in 2^-32, and half pixels
// count.
struct Window {
    struct Point {
        std::int64_t x, y;
    };
    Point centre, by_column, by_row;

    Window(Draws& draws, const PixelLayout& image) {
        const bool flip = draws.below(2) != 0;
        const std::int64_t area = draws.between(one / 2, one), ratio = draws.between(one, one * 4 / 3);
        // Shares of the sides, long * short = area, long / short = ratio.
        const std::int64_t longer = std::min(one, whole_root(area * ratio)),
                           shorter = whole_root(area * one / ratio * one);
        const bool wide = draws.below(2) != 0;
        const std::int64_t width = wide ? longer : shorter, height = wide ? shorter : longer;
        const auto middle = [&](std::int64_t side, std::int64_t part) {
            return side * part + 2 * draws.between(0, static_cast<int>(side * (one - part)));
        };
        centre = {middle(image.width, width) * one, middle(image.height, height) * one};
        // The turn by its half angle's tangent t: cos = (1 - tt) / (1 + tt), sin = 2t / (1 + tt). tan(7.5 degrees) is
        // 8628 / 2^16, and between -15 and 15 degrees all angles are as frequent to 2 %.
        constexpr int steepest = 8628;
        const std::int64_t t = draws.between(-steepest, steepest), square = t * t, whole = one * one;
        const std::int64_t cosine = (whole - square) * one / (whole + square);
        const std::int64_t sine = 2 * t * whole / (whole + square);
        by_column = {width * cosine, width * sine};
        if (flip) by_column = {-by_column.x, -by_column.y};
        by_row = {-height * sine, height * cosine};
    }
};

// A place among pixels' centres, reflected about the outermost ones (`most` is the last); what is further outside than
// the image is large stays at the edge.
std::int64_t inside(std::int64_t place, std::int64_t most) {
    if (static_cast<std::uint64_t>(place) <= static_cast<std::uint64_t>(most)) return place;  // nearly all are
    return std::max<std::int64_t>(0, most - std::abs(most - std::abs(place)));
}

void sample(const Window& window, const PixelLayout& image, const std::uint8_t* x, std::uint8_t* y) {
    constexpr int bits = 33;
    constexpr std::int64_t half = std::int64_t{1} << (bits - 1);  // a pixel's centre from its edge
    const std::int64_t last_column = (image.width - 1) << bits, last_row = (image.height - 1) << bits;
    for (std::int64_t i = 0; i < image.height; ++i) {
        const std::int64_t down = 2 * i + 1 - image.height, left = 1 - image.width;
        Window::Point at = {window.centre.x + left * window.by_column.x + down * window.by_row.x - half,
                            window.centre.y + left * window.by_column.y + down * window.by_row.y - half};
        std::uint8_t* to = y + i * image.line;
        for (std::int64_t j = 0; j < image.width; ++j, to += image.pixel) {
            const std::int64_t column = inside(at.x, last_column), row = inside(at.y, last_row);
            const std::uint8_t* from = x + (row >> bits) * image.line + (column >> bits) * image.pixel;
            const std::int64_t right = column < last_column ? image.pixel : 0, below = row < last_row ? image.line : 0;
            // Between the four pixels in 2^-8, their weights in 2^-16.
            const auto across = static_cast<std::int32_t>((column >> (bits - 8)) & 255);
            const auto along = static_cast<std::int32_t>((row >> (bits - 8)) & 255);
            const std::int32_t w11 = across * along, w01 = 256 * across - w11, w10 = 256 * along - w11;
            const std::int32_t w00 = 256 * (256 - across) - w10;
            for (std::int64_t c = 0; c < image.channels; ++c, from += image.plane) {
                const std::int32_t sum =
                    w00 * from[0] + w01 * from[right] + w10 * from[below] + w11 * from[below + right];
                to[c * image.plane] = static_cast<std::uint8_t>((sum + one / 2) >> 16);
            }
            at = {at.x + 2 * window.by_column.x, at.y + 2 * window.by_column.y};
        }
    }
}

Sums sums_of(const PixelLayout& image, const std::uint8_t* y) {
    Sums sums{};
    for (std::int64_t c = 0; c < image.channels; ++c) {
        std::int64_t sum = 0;
        for (std::int64_t i = 0; i < image.height * image.width; ++i) sum += y[c * image.plane + i * image.pixel];
        sums[static_cast<std::size_t>(c)] = sum;
    }
    return sums;
}

// A rectangle with sides from an eighth to a half of the image's, in one image of four.
void erase(Draws& draws, const PixelLayout& image, const Sums& sums, std::uint8_t* y) {
    const auto length = [&](std::int64_t side) {
        return draws.between(static_cast<int>(side / 8), static_cast<int>(side / 2));
    };
    if (draws.below(4) != 0) return;
    const std::int64_t height = length(image.height), width = length(image.width);
    const std::int64_t top = draws.between(0, static_cast<int>(image.height - height));
    const std::int64_t left = draws.between(0, static_cast<int>(image.width - width));
    const std::int64_t pixels = image.height * image.width;
    for (std::int64_t c = 0; c < image.channels; ++c) {
        const std::int64_t mean = (sums[static_cast<std::size_t>(c)] + pixels / 2) / pixels;
        for (std::int64_t i = top; i < top + height; ++i) {
            std::uint8_t* const to = y + c * image.plane + i * image.line;
            for (std::int64_t j = left; j < left + width; ++j) to[j * image.pixel] = static_cast<std::uint8_t>(mean);
        }
    }
}

// Luma of red, green and blue, Rec. 601's weights in 2^-8.
template <typename T>
constexpr T luma(T red, T green, T blue) {
    return 77 * red + 150 * green + 29 * blue;
}

// b, c, s: brightness, contrast, saturation in 2^-8. v -> b v; then v -> m + c (v - m), m the mean luma; then
// v -> l + s (v - l), l the pixel's luma: together v -> s c b v + (1 - s) c b l + (1 - c) b m, clipped once.
void recolour(Draws& draws, const PixelLayout& image, const Sums& sums, std::uint8_t* y) {
    constexpr int most = 77;  // 0.3
    const bool coloured = image.channels == 3;
    const std::int64_t b = 256 + draws.between(-most, most), c = 256 + draws.between(-most, most);
    const std::int64_t s = coloured ? 256 + draws.between(-most, most) : 256;
    const std::int64_t pixels = image.height * image.width;
    const std::int64_t mean = coloured ? luma(sums[0], sums[1], sums[2]) / pixels
                                       : 256 * (sums[0] + sums[1] + sums[2] + sums[3]) / (image.channels * pixels);
    // In 2^-16; the last with one half to round.
    const auto own = static_cast<std::int32_t>((s * c * b) >> 8),
               grey = static_cast<std::int32_t>(((256 - s) * c * b) >> 8);
    const auto shift = static_cast<std::int32_t>((((256 - c) * b * mean) >> 8) + one / 2);
    const auto clipped = [=](std::int32_t v, std::int32_t common) {
        const std::int32_t value = (own * v + common) >> 16;
        return static_cast<std::uint8_t>((value & ~255) == 0 ? value : value < 0 ? 0 : 255);  // few are outside
    };
    if (!coloured) {
        for (std::int64_t i = 0; i < image.size(); ++i) y[i] = clipped(y[i], shift);
        return;
    }
    for (std::int64_t i = 0; i < pixels; ++i) {
        std::uint8_t *const red = y + i * image.pixel, *const green = red + image.plane,
                            *const blue = green + image.plane;
        const std::int32_t common = grey * ((luma<std::int32_t>(*red, *green, *blue) + 128) >> 8) + shift;
        *red = clipped(*red, common), *green = clipped(*green, common), *blue = clipped(*blue, common);
    }
}

}  // namespace

Augment augment_named(const std::string& name, std::uint64_t seed, std::uint32_t epoch) {
    if (name != "light" && name != "strong") fail("augment", "augmentation is light or strong, got ", name);
    return {name == "light" ? Augment::Kind::light : Augment::Kind::strong, seed, epoch};
}

void augment_check(const char* op, const TensorView& x) {
    check_dtype(op, "x", x, DType::uint8);
    check_rank(op, "x", x, 4);
    if (x.shape[1] > most_channels || x.shape[2] > most_side || x.shape[3] > most_side)
        fail(op, "images (N, C, H, W) may have 4 channels and 32767 pixels a side, got ", layout_text(x));
    const PixelLayout image(x);
    const std::array<std::int64_t, 4> expected{image.size(), image.plane, image.line, image.pixel};
    bool fits = true;
    for (int i = 0; i < 4; ++i)
        fits = fits && (x.shape[i] == 1 || x.stride[i] == expected[static_cast<std::size_t>(i)]);
    if (!fits && !x.empty())
        fail(op, "images must lie in C order or with the channels innermost, got ", layout_text(x));
}

void augment(const Augment& how, const TensorView& x, std::int64_t row, std::uint8_t* y) {
    const PixelLayout image(x);
    if (image.size() == 0) return;
    const std::uint8_t* const pixels = x.as<std::uint8_t>() + row * image.size();
    Draws draws(PhiloxStream(how.seed, Purpose::augmentation, how.epoch),
                static_cast<std::uint64_t>(row) * blocks_per_sample);
    if (how.kind == Augment::Kind::light) return augment_lightly(draws, image, pixels, y);
    const Window window(draws, image);
    sample(window, image, pixels, y);
    const Sums sums = sums_of(image, y);
    erase(draws, image, sums, y);
    recolour(draws, image, sums, y);
}

}  // namespace fastnn
