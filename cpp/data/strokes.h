// Pen strokes: smooth curves through knots, as a path of short straight pieces, and the ink they leave on a page. Only
// + - * / and sqrt, so that every machine draws the same pixels.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fastnn {

inline constexpr std::size_t page_size = 28;  // pixels a side

// How the pen passes a point: on a smooth curve, turning at a corner, or set down there to start a stroke, which ends
// where the next one starts.
enum class Pass : std::uint8_t { smooth, corner, start };

// Position and half the pen's width.
struct PenPoint {
    float x, y, radius;
    Pass pass = Pass::smooth;
};

// At most `capacity` points, kept in place: drawing allocates nothing.
template <std::size_t capacity>
class Path {
public:
    void push(PenPoint point) { points_[size_++] = point; }
    std::size_t size() const { return size_; }
    PenPoint& operator[](std::size_t i) { return points_[i]; }
    const PenPoint& operator[](std::size_t i) const { return points_[i]; }
    PenPoint* begin() { return points_.data(); }
    PenPoint* end() { return points_.data() + size_; }

private:
    std::array<PenPoint, capacity> points_;
    std::size_t size_ = 0;
};

inline constexpr std::size_t max_knots = 16;
inline constexpr std::size_t pieces = 6;  // between two knots: within 0.1 pixel of the curve at 20 pixels' height
using Knots = Path<max_knots>;
using Curve = Path<max_knots * pieces>;

// The cubic spline through the knots of each stroke. `roundness` 0 leaves corners sharp, 1 makes them smooth knots.
Curve spline(const Knots& knots, float roundness);

// How far every pixel's centre lies inside the ink's edge, in pixels, row by row; exact only above
// -edge_margin. A scan's edge blurs at most 0.75 pixels outwards and its roughness adds at most 0.5.
inline constexpr float edge_margin = 1.5f;
using Depths = std::array<float, page_size * page_size>;
Depths ink_depths(const Curve& curve);

}  // namespace fastnn
