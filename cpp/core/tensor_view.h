// A typed, strided window on memory that somebody else owns, for the length of one call.
#pragma once

#include <array>
#include <cstdint>

namespace fastnn {

enum class DType : std::uint8_t { float32, float64, int64, uint8, boolean };

constexpr int max_rank = 8;

constexpr std::int64_t item_size(DType dtype) {
    switch (dtype) {
        case DType::float32:
            return 4;
        case DType::float64:
        case DType::int64:
            return 8;
        default:
            return 1;
    }
}

const char* dtype_name(DType dtype);

// A weight as the kernels read it: the matrix in x out, kept in panels of `width` outputs. Element (i, o) is
// data[(o / width * in + i) * width + o % width]; the last panel is padded with zeros. The matrix of a weight with more
// dimensions, (O, I, kh, kw), has in = (kh, kw, I), the last varying fastest, and out = O (weight_matrix).
struct PanelLayout {
    std::int64_t in = 0, out = 0, width = 0;  // width 0: strided memory

    explicit operator bool() const { return width != 0; }
    bool operator==(const PanelLayout& other) const {
        return in == other.in && out == other.out && width == other.width;
    }
    std::int64_t count() const { return (out + width - 1) / width; }
    std::int64_t size() const { return count() * width * in; }
    std::int64_t place(std::int64_t i, std::int64_t o) const { return (o / width * in + i) * width + o % width; }
};

struct TensorView {
    void* data = nullptr;
    DType dtype = DType::float32;
    int rank = 0;
    std::array<std::int64_t, max_rank> shape{};
    std::array<std::int64_t, max_rank> stride{};  // in elements; without meaning in panels
    PanelLayout panels{};

    template <typename T>
    T* as() const {
        return static_cast<T*>(data);
    }

    bool empty() const {
        for (int i = 0; i < rank; ++i) {
            if (shape[i] == 0) return true;
        }
        return false;
    }

    std::int64_t size() const {
        std::int64_t n = empty() ? 0 : 1;  // first, as the other sizes of an empty array may have any product
        for (int i = 0; n != 0 && i < rank; ++i) n *= shape[i];
        return n;
    }

    // Elements in memory: size() for dense strided memory, with the padding for panels.
    std::int64_t storage_size() const { return panels ? panels.size() : size(); }

    // Rows [begin, begin + count) of strided memory.
    TensorView rows(std::int64_t begin, std::int64_t count) const {
        TensorView part = *this;
        part.data = as<char>() + begin * stride[0] * item_size(dtype);
        part.shape[0] = count;
        return part;
    }

    bool contiguous() const {  // C order, no gaps
        if (panels || empty()) return !panels;
        std::int64_t expected = 1;
        for (int i = rank - 1; i >= 0; --i) {
            if (shape[i] != 1 && stride[i] != expected) return false;
            expected *= shape[i];
        }
        return true;
    }

    // Whether the elements fill their memory without gaps, in whatever order of the dimensions (channels last is one).
    bool dense() const {
        if (panels) return false;
        bool placed[max_rank] = {};
        std::int64_t expected = 1;
        for (int found = 0; found < rank && !empty(); ++found) {
            int next = 0;
            while (next < rank && (placed[next] || (shape[next] != 1 && stride[next] != expected))) ++next;
            if (next == rank) return false;
            placed[next] = true;
            expected *= shape[next];
        }
        return true;
    }

    // The same with the first dimension outermost: rows one behind the other.
    bool dense_rows() const {
        return dense() && (rank == 0 || shape[0] <= 1 || empty() || stride[0] == size() / shape[0]);
    }
};

inline bool same_shape(const TensorView& a, const TensorView& b) {
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank; ++i) {
        if (a.shape[i] != b.shape[i]) return false;
    }
    return true;
}

// Whether elements of the same indices lie at the same places of two memories.
inline bool same_layout(const TensorView& a, const TensorView& b) {
    if (!same_shape(a, b) || !(a.panels == b.panels)) return false;
    if (a.empty()) return true;
    for (int i = 0; i < a.rank && !a.panels; ++i) {
        if (a.shape[i] != 1 && a.stride[i] != b.stride[i]) return false;
    }
    return true;
}

// The strides of dense memory in the order of `like`, the outermost dimension first; in C order where it is not dense.
inline std::array<std::int64_t, max_rank> dense_strides(const TensorView& like) {
    if (like.dense() && !like.empty()) return like.stride;
    std::array<std::int64_t, max_rank> strides{};
    std::int64_t items = 1;
    for (int i = like.rank - 1; i >= 0; --i) {
        strides[i] = items;
        items *= like.shape[i];
    }
    return strides;
}

// Calls f(T()) with the real type of a view.
template <typename F>
auto dispatch_real(DType dtype, F f) {
    return dtype == DType::float64 ? f(double()) : f(float());
}

}  // namespace fastnn
