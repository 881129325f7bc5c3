#include "data/digits.h"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <utility>

#include "core/philox.h"
#include "data/draws.h"
#include "data/glyphs.h"
#include "data/strokes.h"

static_assert(FLT_EVAL_METHOD == 0, "wider intermediate results would draw other pixels");

namespace fastnn {
namespace {

// A smooth random displacement of the plane: independent vectors on a coarse grid over the digit, between them the
// uniform quadratic B-spline, which has no kinks.
class ElasticField {
public:
    ElasticField(Draws& draws, float strength) {
        for (auto& node : nodes_) node = {strength * draws.bell(), strength * draws.bell()};
    }

    // x and y in units of the digit's height.
    std::pair<float, float> at(float x, float y) const {
        const Weights column = weights(x), row = weights(y);
        float dx = 0, dy = 0;
        for (std::size_t i = 0; i < 9; ++i) {
            const float weight = row.values[i / 3] * column.values[i % 3];
            const auto& node = nodes_[(row.first + i / 3) * side + column.first + i % 3];
            dx += weight * node.first;
            dy += weight * node.second;
        }
        return {dx, dy};
    }

private:
    static constexpr std::size_t cells = 2;  // bends whole strokes; a finer grid makes them wobble
    static constexpr std::size_t side = cells + 2;
    struct Weights {
        std::size_t first;
        std::array<float, 3> values;
    };

    static Weights weights(float position) {
        const float scaled = std::clamp(position, 0.0f, 0.999f) * static_cast<float>(cells);
        const auto first = static_cast<std::size_t>(scaled);
        const float t = scaled - static_cast<float>(first);
        return {first, {0.5f * (1 - t) * (1 - t), 0.5f + t - t * t, 0.5f * t * t}};
    }

    std::array<std::pair<float, float>, side * side> nodes_;
};

// The form's knots as this writer places them, in units of the digit's height; radii as multiples of the pen's. Strokes
// begin and end less exactly than they pass the points between.
Knots place_knots(const Form& form, Draws& draws) {
    const float jitter = draws.uniform(0.015f, 0.04f), pressure = draws.uniform(0.03f, 0.16f);
    Knots knots;
    for (std::size_t i = 0; i < form.count; ++i) {
        const Knot& knot = form.knots[i];
        const bool end = knot.pass == Pass::start || i + 1 == form.count;
        const float spread = end ? 1.5f * jitter : jitter;
        const float x = 0.01f * static_cast<float>(knot.x) + spread * draws.bell();
        const float y = 0.01f * static_cast<float>(knot.y) + spread * draws.bell();
        knots.push({x, y, 1 + pressure * draws.bell(), knot.pass});
    }
    return knots;
}

// Bends, stretches, slants and rotates the curve.
void deform(Curve& curve, Draws& draws) {
    const ElasticField field(draws, draws.uniform(0.03f, 0.12f));
    const float aspect = draws.uniform(0.75f, 1.4f), slant = 0.16f + 0.25f * draws.bell();
    const float half = 0.06f * draws.bell();  // tangent of half the rotation's angle
    const float cosine = (1 - half * half) / (1 + half * half), sine = 2 * half / (1 + half * half);
    for (PenPoint& point : curve) {
        const auto [dx, dy] = field.at(point.x, point.y);
        const float y = point.y + dy - 0.5f;
        const float x = aspect * (point.x + dx - 0.35f) - slant * y;
        point.x = cosine * x - sine * y;
        point.y = sine * x + cosine * y;
    }
}

// Scales the curve with its pen into a box of `size` pixels and moves its centre of mass to (x, y).
void fit(Curve& curve, float pen, float size, float x, float y) {
    float left = curve[0].x, right = left, top = curve[0].y, bottom = top;
    for (const PenPoint& point : curve) {
        left = std::min(left, point.x), right = std::max(right, point.x);
        top = std::min(top, point.y), bottom = std::max(bottom, point.y);
    }
    const float scale = (size - 2 * pen) / std::max({right - left, bottom - top, 0.1f});
    float mass = 0, moment_x = 0, moment_y = 0;
    for (std::size_t i = 1; i < curve.size(); ++i) {
        if (curve[i].pass == Pass::start) continue;
        const PenPoint &a = curve[i - 1], &b = curve[i];
        const float dx = b.x - a.x, dy = b.y - a.y;
        const float weight = std::sqrt(dx * dx + dy * dy) * (a.radius + b.radius);
        mass += weight;
        moment_x += weight * 0.5f * (a.x + b.x);
        moment_y += weight * 0.5f * (a.y + b.y);
    }
    for (PenPoint& point : curve) {
        point.x = x + scale * (point.x - moment_x / mass);
        point.y = y + scale * (point.y - moment_y / mass);
        point.radius *= pen;
    }
}

// Grey values from depths: edges blurred and rough, as a scanner's are.
void scan(const Depths& depths, Draws& draws, std::uint8_t* image) {
    const float blur = draws.uniform(0.9f, 1.5f), roughness = draws.uniform(0.02f, 0.14f);
    for (std::size_t i = 0; i < depths.size(); ++i) {
        const bool near_ink = depths[i] > -edge_margin;
        const float depth = near_ink ? depths[i] + roughness * draws.bell() : -edge_margin;
        const float grey = std::clamp(depth / blur + 0.5f, 0.0f, 1.0f);
        image[i] = static_cast<std::uint8_t>(255 * grey + 0.5f);
    }
}

// The ranges, here and above, were set by comparing with MNIST's training images: ink, stroke width, grey levels,
// slant, box and centre of mass.
void draw_digit(int digit, Draws& draws, std::uint8_t* image) {
    const Form& form = written_form(digit, draws.below(100));
    const Knots knots = place_knots(form, draws);
    Curve curve = spline(knots, draws.uniform(0.0f, 0.8f));
    deform(curve, draws);
    const float pen = std::max(0.7f, 1.25f + 0.38f * draws.bell());
    const float size = draws.uniform(18.8f, 19.8f);
    const float x = 14.5f + draws.uniform(-1.5f, 1.5f), y = 14.5f + draws.uniform(-1.5f, 1.5f);
    fit(curve, pen, size, x, y);
    scan(ink_depths(curve), draws, image);
}

// Sample i's digit: every ten samples from a multiple of ten on share one shuffle of the ten digits, drawn from words
// of the first one's stream that its drawing never reaches.
int digit_of(std::uint64_t seed, std::int64_t i) {
    constexpr std::uint64_t far_words = std::uint64_t{1} << 32;
    const PhiloxStream stream(seed, Purpose::digits, static_cast<std::uint32_t>(i - i % 10));
    std::array<int, 10> digits{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    for (std::uint32_t left = 10; left > 1; --left) {
        std::swap(digits[left - 1], digits[stream.word(far_words + left) % left]);
    }
    return digits[static_cast<std::size_t>(i % 10)];
}

}  // namespace

void draw_digits(std::uint64_t seed, std::int64_t first, std::int64_t count, std::uint8_t* images,
                 std::uint8_t* labels) {
    for (std::int64_t i = 0; i < count; ++i) {
        const int digit = digit_of(seed, first + i);
        Draws draws(PhiloxStream(seed, Purpose::digits, static_cast<std::uint32_t>(first + i)));
        draw_digit(digit, draws, images + i * static_cast<std::int64_t>(page_size * page_size));
        labels[i] = static_cast<std::uint8_t>(digit);
    }
}

}  // namespace fastnn
