#include "data/strokes.h"

#include <algorithm>
#include <cmath>

namespace fastnn {
namespace {

struct Vector {
    float x, y;
};

Vector operator+(Vector a, Vector b) { return {a.x + b.x, a.y + b.y}; }
Vector operator-(Vector a, Vector b) { return {a.x - b.x, a.y - b.y}; }
Vector operator*(float factor, Vector a) { return {factor * a.x, factor * a.y}; }
Vector mix(Vector a, Vector b, float share_of_b) { return a + share_of_b * (b - a); }
float dot(Vector a, Vector b) { return a.x * b.x + a.y * b.y; }
float square(Vector a) { return std::max(dot(a, a), 1e-12f); }

Vector between(const PenPoint& from, const PenPoint& to) { return {to.x - from.x, to.y - from.y}; }

// The tangents of one piece of the spline. Through a knot the curve runs parallel to the line between its neighbours;
// away from an end or a sharp corner it leaves as the arc of a circle does, mirrored at the chord. 1.05: the cubic with
// tangents this much longer than the chord is nearest to an arc of 45 to 60 degrees.
struct Tangents {
    Vector out, in;
};

bool is_smooth(const Knots& knots, std::size_t i) {
    const bool last = i + 1 == knots.size() || knots[i + 1].pass == Pass::start;
    return !last && knots[i].pass == Pass::smooth;
}

Vector along(const Knots& knots, std::size_t i, float length) {
    const Vector across = between(knots[i - 1], knots[i + 1]);
    return length / std::sqrt(square(across)) * across;
}

Vector mirrored(Vector tangent, Vector chord) { return 2 * dot(tangent, chord) / square(chord) * chord - tangent; }

Tangents tangents(const Knots& knots, std::size_t i, float roundness) {
    const Vector chord = between(knots[i - 1], knots[i]);
    const float length = 1.05f * std::sqrt(square(chord));
    const bool from = is_smooth(knots, i - 1), to = is_smooth(knots, i);
    Tangents result{from ? along(knots, i - 1, length) : chord, to ? along(knots, i, length) : chord};
    if (!from && to) result.out = mirrored(result.in, chord);
    if (from && !to) result.in = mirrored(result.out, chord);
    const auto round_off = [&](std::size_t knot, Vector sharp) {
        return knots[knot].pass == Pass::corner ? mix(sharp, along(knots, knot, length), roundness) : sharp;
    };
    return {round_off(i - 1, result.out), round_off(i, result.in)};
}

// Cubic Hermite interpolation at t in [0, 1].
float hermite(float from, float slope_from, float to, float slope_to, float t) {
    const float chord = to - from;
    return from +
           t * (slope_from + t * (3 * chord - 2 * slope_from - slope_to + t * (slope_from + slope_to - 2 * chord)));
}

// Pixels [first, last): all whose centres lie within [low, high].
struct PixelRange {
    std::size_t first, last;
};

PixelRange pixels_within(float low, float high) {
    constexpr auto size = static_cast<float>(page_size);
    const float first = std::clamp(low, 0.0f, size), last = std::clamp(high + 1, 0.0f, size);
    return {static_cast<std::size_t>(first), static_cast<std::size_t>(last)};
}

// Raises the depths near the piece from a to b, whose width runs linearly from a's to b's.
void ink_piece(const PenPoint& a, const PenPoint& b, Depths& depths) {
    const float reach = std::max(a.radius, b.radius) + edge_margin;
    const PixelRange rows = pixels_within(std::min(a.y, b.y) - reach, std::max(a.y, b.y) + reach);
    const PixelRange columns = pixels_within(std::min(a.x, b.x) - reach, std::max(a.x, b.x) + reach);
    const Vector chord = between(a, b);
    const float per_square = 1 / square(chord);
    for (std::size_t row = rows.first; row < rows.last; ++row) {
        const float y = static_cast<float>(row) + 0.5f - a.y;
        for (std::size_t column = columns.first; column < columns.last; ++column) {
            const float x = static_cast<float>(column) + 0.5f - a.x;
            const float t = std::clamp((x * chord.x + y * chord.y) * per_square, 0.0f, 1.0f);
            const float dx = x - t * chord.x, dy = y - t * chord.y;
            const float depth = a.radius + t * (b.radius - a.radius) - std::sqrt(dx * dx + dy * dy);
            float& deepest = depths[row * page_size + column];
            deepest = std::max(deepest, depth);
        }
    }
}

}  // namespace

Curve spline(const Knots& knots, float roundness) {
    Curve curve;
    for (std::size_t i = 0; i < knots.size(); ++i) {
        const PenPoint& to = knots[i];
        if (to.pass == Pass::start) {
            curve.push(to);
            continue;
        }
        const PenPoint& from = knots[i - 1];
        const auto [out, in] = tangents(knots, i, roundness);
        for (std::size_t piece = 1; piece <= pieces; ++piece) {
            const float t = static_cast<float>(piece) / static_cast<float>(pieces);
            curve.push({hermite(from.x, out.x, to.x, in.x, t), hermite(from.y, out.y, to.y, in.y, t),
                        from.radius + t * (to.radius - from.radius)});
        }
    }
    return curve;
}

Depths ink_depths(const Curve& curve) {
    Depths depths;
    depths.fill(-static_cast<float>(page_size));
    for (std::size_t i = 1; i < curve.size(); ++i) {
        if (curve[i].pass != Pass::start) ink_piece(curve[i - 1], curve[i], depths);
    }
    return depths;
}

}  // namespace fastnn
