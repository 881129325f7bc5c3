#include "ops/image_product.h"

#include <algorithm>

#include "core/aligned_buffer.h"
#include "kernels/dispatch.h"
#include "ops/depthwise.h"
#include "ops/image_planes.h"

namespace fastnn {

namespace {

// Bytes of panels that a thread keeps side by side, half of a 1 MB L2 cache: those of a larger weight are copied one by
// one, so each has to be used for many patches, up to the same bytes. Patches beside a weight that is kept: a quarter.
constexpr std::int64_t kept_panels = 512 << 10, few_patches = 128 << 10, many_patches = 512 << 10;

// Numbers in the runs of a patch from which on gathering is cheap beside multiplying: some vectors each.
constexpr std::int64_t long_run = 24;

template <typename T>
T* scratch(AlignedBuffer& buffer, std::int64_t items) {
    buffer.grow(static_cast<std::size_t>(items) * sizeof(T));
    return static_cast<T*>(buffer.data());
}

// The runs of a chain: where they begin in the source and, from the panel's beginning, in the weight.
struct Chain {
    std::vector<GemmRun> runs;
    std::int64_t length = 0;  // of each
};

// Some rows of tiles.
template <typename T>
struct Rows {
    const T* a;
    std::int64_t a_row, m;
    const GemmRun* runs;
    std::int64_t run_count, length, c, c_row;
    const std::int64_t* places;
};

// A part of a product: some samples, some panels of one group.
template <typename T>
class Part {
public:
    Part(const ImageProduct& product, std::int64_t group, Range samples, Range panels)
        : p_(product),
          source_(static_cast<const T*>(product.source.data) + group * product.k),
          result_(static_cast<T*>(product.result.data) + group * product.n),
          weight_(static_cast<const T*>(product.weight) + group * product.group_stride),
          bias_(product.bias ? static_cast<const T*>(product.bias) + group * product.n : nullptr),
          group_(group),
          samples_(samples),
          panels_(panels) {
        in_place_ = p_.n_stride == 1 && (p_.n <= width_ || few_pixels());
        const std::int64_t bytes = (panels.end - panels.begin) * panel_items() * static_cast<std::int64_t>(sizeof(T));
        const bool joinable = p_.k == p_.source.pixel && b_tap() == p_.k * b_row();
        gathers_ = p_.k * (joinable ? p_.kernel_columns : 1) >= long_run && !long_lines();
        all_kept_ = in_place_ || bytes <= kept_panels;
    }

    void multiply() {
        const bool by_planes = planes_pay<T>(p_), by_frames = !gathers_ && !p_.framed_rows.empty();
        const bool framed = (by_planes || by_frames) && finite();
        if (framed && by_planes) return multiply_planes<T>(p_, group_, samples_);
        if (all_kept_ && !in_place_ && p_.panels == nullptr) keep_all();
        if (framed) return multiply_framed();
        if (gathers_ && few_pixels() && !p_.framed_rows.empty() && gather_framed()) return;
        for_each_pair(p_.rows, p_.columns, [this](const AxisPart& rows, const AxisPart& columns) {
            const Chain chain = chain_of(rows, columns, p_.source);
            gathers_ ? gather(rows, columns, chain, p_.source) : add_in_place(rows, columns, chain, p_.source);
        });
        flush();
    }

    void fill_panels(T* memory) const {
        for (std::int64_t i = panels_.begin; i < panels_.end; ++i) copy_panel(i, memory + i * panel_items());
    }

private:
    std::int64_t patches_limit() const {
        return (all_kept_ ? few_patches : many_patches) / static_cast<std::int64_t>(sizeof(T));
    }
    std::int64_t panel_items() const { return p_.taps * p_.k * width_; }
    std::int64_t b_row() const { return in_place_ ? p_.k_stride : width_; }
    std::int64_t b_tap() const { return in_place_ ? p_.tap_stride : p_.k * width_; }

    // So few that copying a weight's panels takes longer than reading them where they lie.
    bool few_pixels() const {
        return (samples_.end - samples_.begin) * p_.result.height * p_.result.width <= 2 * kernels<T>().rows;
    }

    // Tiles of one vector that read the source in place, and have chains enough (Tile, vec.h) in lines of so many
    // pixels: patches would take half as long as the product.
    bool long_lines() const {
        const std::vector<AxisPart>& columns = p_.framed_columns.empty() ? p_.columns : p_.framed_columns;
        return p_.n <= width_ / 2 && columns.size() == 1 && columns.front().count >= 8;
    }

    bool finite() const {  // of all groups
        return kernels<T>().finite(p_.taps * p_.tap_stride, static_cast<const T*>(p_.weight));
    }

    template <typename F>
    static void for_each_pair(const std::vector<AxisPart>& rows, const std::vector<AxisPart>& columns, F f) {
        for (const AxisPart& some_rows : rows) {
            for (const AxisPart& some_columns : columns) f(some_rows, some_columns);
        }
    }

    // -- the weight

    void copy_panel(std::int64_t panel, T* copied) const {
        const std::int64_t first = panel * width_, count = std::min(width_, p_.n - first);
        for (std::int64_t tap = 0; tap < p_.taps; ++tap) {
            const T* const from = weight_ + tap * p_.tap_stride + first * p_.n_stride;
            T* const to = copied + tap * p_.k * width_;
            if (p_.n_stride == 1) {
                for (std::int64_t k = 0; k < p_.k; ++k) std::copy_n(from + k * p_.k_stride, count, to + k * width_);
            } else {
                turn(from, count, to);
            }
        }
    }

    // to[k * width + n] = from[n * n_stride + k], in blocks that stay in registers.
    void turn(const T* from, std::int64_t count, T* to) const {
        constexpr std::int64_t side = 4;
        const std::int64_t whole_n = count - count % side, whole_k = p_.k - p_.k % side;
        for (std::int64_t n = 0; n < whole_n; n += side) {
            for (std::int64_t k = 0; k < whole_k; k += side)
                turn_block(from + n * p_.n_stride + k, to + k * width_ + n);
        }
        for (std::int64_t n = 0; n < count; ++n) {
            for (std::int64_t k = n < whole_n ? whole_k : 0; k < p_.k; ++k)
                to[k * width_ + n] = from[n * p_.n_stride + k];
        }
    }

    void turn_block(const T* from, T* to) const {
        T block[4][4];
        for (std::int64_t n = 0; n < 4; ++n) {
            for (std::int64_t k = 0; k < 4; ++k) block[k][n] = from[n * p_.n_stride + k];
        }
        for (std::int64_t k = 0; k < 4; ++k) std::copy_n(block[k], 4, to + k * width_);
    }

    void keep_all() {
        T* const kept = scratch<T>(panel_memory(), (panels_.end - panels_.begin) * panel_items());
        for (std::int64_t i = panels_.begin; i < panels_.end; ++i)
            copy_panel(i, kept + (i - panels_.begin) * panel_items());
    }

    const T* panel(std::int64_t number) const {
        if (in_place_) return weight_ + number * width_;
        if (p_.panels != nullptr) return made_panels() + number * panel_items();
        T* const kept = scratch<T>(panel_memory(), panel_items());
        if (all_kept_) return kept + (number - panels_.begin) * panel_items();
        copy_panel(number, kept);
        return kept;
    }

    const T* made_panels() const {
        return static_cast<const T*>(p_.panels) + group_ * blocks_of(p_.n, width_) * panel_items();
    }

    // -- rows of tiles

    // Taps side by side in both memories are one run.
    Chain chain_of(const AxisPart& rows, const AxisPart& columns, const ImageSide& source) const {
        const std::int64_t met = static_cast<std::int64_t>(columns.taps.size());
        bool joined = met > 1 && p_.k == source.pixel && b_tap() == p_.k * b_row();
        for (std::int64_t i = 1; joined && i < met; ++i) {
            const AxisTap &before = columns.taps[static_cast<std::size_t>(i - 1)],
                          &tap = columns.taps[static_cast<std::size_t>(i)];
            joined = tap.tap == before.tap + 1 && tap.at == before.at + 1;
        }
        Chain chain;
        chain.length = rows.taps.empty() ? 0 : joined ? met * p_.k : met > 0 ? p_.k : 0;
        for (const AxisTap& row : rows.taps) {
            for (const AxisTap& column : columns.taps) {
                if (joined && &column != &columns.taps.front()) break;
                chain.runs.push_back({row.at * source.row() + column.at * source.pixel,
                                      (row.tap * p_.kernel_columns + column.tap) * b_tap()});
            }
        }
        return chain;
    }

    // Where the tiles read the source: lines of pixels, whichever way they are longer.
    void add_in_place(const AxisPart& rows, const AxisPart& columns, const Chain& chain, const ImageSide& source,
                      const T* at = nullptr, Range samples = {-1, -1}) {
        if (samples.begin < 0) samples = samples_;
        chains_.push_back(chain);
        const Chain& kept = chains_.back();
        const bool across = columns.count >= rows.count;
        const AxisPart &line = across ? columns : rows, &others = across ? rows : columns;
        const std::int64_t line_step = across ? source.pixel : source.row(),
                           other_step = across ? source.row() : source.pixel;
        const std::int64_t line_place = across ? p_.result.pixel : p_.result.row(),
                           other_place = across ? p_.result.row() : p_.result.pixel;
        for (std::int64_t sample = samples.begin; sample < samples.end; ++sample) {
            const T* const image = at ? at : source_ + sample * source.sample();
            for (std::int64_t i = 0; i < others.count; ++i) {
                const std::int64_t c = sample * p_.result.sample() + line.first * line_place +
                                       (others.first + i * others.step) * other_place;
                blocks_.push_back({image + i * others.advance * other_step, line.advance * line_step, line.count,
                                   kept.runs.data(), static_cast<std::int64_t>(kept.runs.size()), kept.length, c,
                                   line.step * line_place, nullptr});
            }
            flush_blocks();
        }
        chains_.clear();
    }

    void multiply_framed() {
        ImageSide framed = p_.source;
        framed.height = p_.framed_height;
        framed.width = p_.framed_width;
        T* const frame = scratch<T>(patch_memory(), framed.sample() + width_);
        std::fill_n(frame, framed.sample(), T(0));
        for (std::int64_t sample = samples_.begin; sample < samples_.end; ++sample) {
            copy_into_frame(sample, framed, frame);
            for_each_pair(p_.framed_rows, p_.framed_columns, [&](const AxisPart& rows, const AxisPart& columns) {
                add_in_place(rows, columns, chain_of(rows, columns, framed), framed, frame + group_ * p_.k,
                             {sample, sample + 1});
            });
        }
    }

    // So few pixels that reading the weight takes longest: all in tiles that go over it once, with zeros where they
    // meet none. Not if a weight is not finite, as a result tells then: it would be the chain's end, too.
    bool gather_framed() {
        ImageSide framed = p_.source;
        framed.height = p_.framed_height;
        framed.width = p_.framed_width;
        const std::int64_t items = (samples_.end - samples_.begin) * framed.sample();
        T* const frame = scratch<T>(frame_memory(), items);
        std::fill_n(frame, items, T(0));
        for (std::int64_t sample = samples_.begin; sample < samples_.end; ++sample)
            copy_into_frame(sample, framed, frame + (sample - samples_.begin) * framed.sample());
        const T* const images = source_;
        source_ = frame + group_ * p_.k - samples_.begin * framed.sample();
        for_each_pair(p_.framed_rows, p_.framed_columns, [&](const AxisPart& rows, const AxisPart& columns) {
            gather(rows, columns, chain_of(rows, columns, framed), framed);
        });
        flush();
        source_ = images;
        return results_finite();
    }

    bool results_finite() const {
        const std::int64_t first = panels_.begin * width_, count = std::min(panels_.end * width_, p_.n) - first;
        const std::int64_t pixels = p_.result.height * p_.result.width;
        bool all = true;
        for (std::int64_t i = samples_.begin * pixels; i < samples_.end * pixels; ++i)
            all = all && kernels<T>().finite(count, result_ + i * p_.result.pixel + first);
        return all;
    }

    void copy_into_frame(std::int64_t sample, const ImageSide& framed, T* frame) const {
        const T* const image = static_cast<const T*>(p_.source.data) + sample * p_.source.sample();
        for (std::int64_t row = 0; row < p_.source.height; ++row)
            std::copy_n(image + row * p_.source.row(), p_.source.row(),
                        frame + (row + p_.top) * framed.row() + p_.left * framed.pixel);
    }

    // Pixels that meet the same taps, of all samples, as rows of patches.
    void gather(const AxisPart& rows, const AxisPart& columns, const Chain& chain, const ImageSide& source) {
        const std::int64_t count = static_cast<std::int64_t>(chain.runs.size()), length = count * chain.length;
        const std::int64_t patch_row =
            (length + 15) / 16 * 16 + 16;  // at distances that do not meet in the caches' sets
        const std::int64_t limit = patches_limit();
        const std::int64_t most = std::max(limit / patch_row, 4 * kernels<T>().rows);
        std::vector<GemmRun> in_patch;
        for (std::int64_t i = 0; i < count; ++i) {
            const GemmRun& run = chain.runs[static_cast<std::size_t>(i)];
            in_patch.push_back({i * chain.length, run.b});
        }
        std::vector<std::int64_t> sources, places;
        const auto done = [&] {
            if (sources.empty()) return;
            add_patches(sources, places, chain, in_patch, patch_row);
            sources.clear();
            places.clear();
            if (used_ >= limit) flush();
        };
        const std::int64_t image = source.sample(), down = rows.advance * source.row(),
                           right = columns.advance * source.pixel;
        for (std::int64_t sample = samples_.begin; sample < samples_.end; ++sample) {
            for (std::int64_t i = 0; i < rows.count; ++i) {
                for (std::int64_t j = 0; j < columns.count; ++j) {
                    sources.push_back(sample * image + i * down + j * right);
                    places.push_back(sample * p_.result.sample() + (rows.first + i * rows.step) * p_.result.row() +
                                     (columns.first + j * columns.step) * p_.result.pixel);
                    if (static_cast<std::int64_t>(sources.size()) == most) done();
                }
            }
        }
        done();
    }

    void add_patches(const std::vector<std::int64_t>& sources, const std::vector<std::int64_t>& places,
                     const Chain& chain, const std::vector<GemmRun>& in_patch, std::int64_t patch_row) {
        const std::int64_t m = static_cast<std::int64_t>(sources.size()), size = m * patch_row + 64;
        const std::int64_t limit = patches_limit();
        if (used_ > 0 && used_ + size > 2 * limit) flush();
        T* const patches = scratch<T>(patch_memory(), std::max(size, 2 * limit)) + used_;
        used_ += size;
        kernels<T>().gather_patches(m, source_, sources.data(), chain.runs.data(),
                                    static_cast<std::int64_t>(chain.runs.size()), chain.length, patches, patch_row);
        chains_.push_back({in_patch, chain.length});
        places_.push_back(places);
        blocks_.push_back(
            {patches, patch_row, m, nullptr, static_cast<std::int64_t>(in_patch.size()), chain.length, 0, 0, nullptr});
    }

    void flush() {
        for (std::size_t i = 0; i < blocks_.size(); ++i) {
            blocks_[i].runs = chains_[i].runs.data();
            blocks_[i].places = places_[i].data();
        }
        flush_blocks();
        chains_.clear();
        places_.clear();
        used_ = 0;
    }

    void flush_blocks() {
        if (blocks_.empty()) return;
        for (std::int64_t number = panels_.begin; number < panels_.end; ++number) {
            const T* const b = panel(number);
            const std::int64_t first = number * width_;
            for (const Rows<T>& block : blocks_) {
                GemmArgs<T> args{};
                args.a = block.a;
                args.a_row = block.a_row;
                args.a_col = 1;
                args.b = b;
                args.b_row = b_row();
                args.c = result_ + first + block.c;
                args.c_row = block.c_row;
                args.m = block.m;
                args.n = std::min(width_, p_.n - first);
                args.k = block.length;
                args.bias = bias_ ? bias_ + first : nullptr;
                args.relu = p_.relu;
                args.runs = block.runs;
                args.run_count = block.run_count;
                args.places = block.places;
                kernels<T>().gemm(args);
            }
        }
        blocks_.clear();
    }

    static AlignedBuffer& panel_memory() {
        thread_local AlignedBuffer buffer;
        return buffer;
    }
    static AlignedBuffer& frame_memory() {
        thread_local AlignedBuffer buffer;
        return buffer;
    }
    static AlignedBuffer& patch_memory() {
        thread_local AlignedBuffer buffer;
        return buffer;
    }

    const ImageProduct& p_;
    const T* source_;
    T* result_;
    const T *weight_, *bias_;
    const std::int64_t group_;
    const Range samples_, panels_;
    const std::int64_t width_ = kernels<T>().panel;
    bool in_place_ = false, all_kept_ = false, gathers_ = false;

    std::vector<Rows<T>> blocks_;
    std::vector<Chain> chains_;
    std::vector<std::vector<std::int64_t>> places_;
    std::int64_t used_ = 0;  // of the memory for patches
};

std::int64_t panels_of_group(const ImageProduct& product) {
    return dispatch_real(product.dtype,
                         [&](auto zero) { return blocks_of(product.n, kernels<decltype(zero)>().panel); });
}

}  // namespace

// A weight larger than the images is read by one thread only; so are those of a single image.
bool ImageProduct::by_panels() const {
    if (is_depthwise(*this)) return false;
    const std::int64_t weights = groups * taps * k * n, all = groups * panels_of_group(*this);
    return all > 1 && (samples == 1 || weights > samples * source.sample());
}

template <typename F>
void ImageProduct::for_each_group(Range all, const F& f) const {
    const std::int64_t count = panels_of_group(*this);
    for (std::int64_t group = all.begin / count; group * count < all.end; ++group) {
        const Range own = {std::max(all.begin - group * count, std::int64_t{0}),
                           std::min(all.end - group * count, count)};
        dispatch_real(dtype, [&](auto zero) { f(zero, group, own); });
    }
}

bool ImageProduct::copies_panels() const {
    if (is_depthwise(*this)) return false;
    return dispatch_real(dtype, [&](auto zero) {
        using T = decltype(zero);
        return !planes_pay<T>(*this) && (n_stride != 1 || n > kernels<T>().panel);
    });
}

std::int64_t ImageProduct::panels_bytes() const {
    const std::int64_t width = dispatch_real(dtype, [](auto zero) { return kernels<decltype(zero)>().panel; });
    return groups * panels_of_group(*this) * taps * k * width * item_size(dtype);
}

Split ImageProduct::panels_split() const { return {groups * panels_of_group(*this), 1}; }

void ImageProduct::fill_panels(Range part, void* memory) const {
    const std::int64_t bytes = panels_bytes() / groups;
    for_each_group(part, [&](auto zero, std::int64_t group, Range own) {
        using T = decltype(zero);
        Part<T>(*this, group, {0, 0}, own)
            .fill_panels(reinterpret_cast<T*>(static_cast<char*>(memory) + group * bytes));
    });
}

Split ImageProduct::split() const { return {by_panels() ? groups * panels_of_group(*this) : samples, 1}; }

void ImageProduct::multiply(Range part) const {
    by_panels() ? multiply_part({0, samples}, part) : multiply_samples(part);
}

void ImageProduct::multiply_samples(Range some) const {
    if (is_depthwise(*this)) return multiply_depthwise(*this, some);
    multiply_part(some, {0, groups * panels_of_group(*this)});
}

void ImageProduct::multiply_part(Range some, Range all) const {
    for_each_group(all, [&](auto zero, std::int64_t group, Range own) {
        Part<decltype(zero)>(*this, group, some, own).multiply();
    });
}

}  // namespace fastnn
