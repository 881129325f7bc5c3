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

struct TensorView {
    void* data = nullptr;
    DType dtype = DType::float32;
    int rank = 0;
    std::array<std::int64_t, max_rank> shape{};
    std::array<std::int64_t, max_rank> stride{};  // in elements
    // 0: strided memory. Otherwise a (out, in) weight kept in panels of this many outputs, as the GEMM kernel reads it:
    // element (o, i) is data[(o / panel * in + i) * panel + o % panel], the last panel padded with zeros.
    std::int64_t panel = 0;

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
    std::int64_t storage_size() const {
        return panel == 0 ? size() : (shape[0] + panel - 1) / panel * panel * shape[1];
    }

    // Rows [begin, begin + count) of strided memory.
    TensorView rows(std::int64_t begin, std::int64_t count) const {
        TensorView part = *this;
        part.data = as<char>() + begin * stride[0] * item_size(dtype);
        part.shape[0] = count;
        return part;
    }

    bool contiguous() const {  // C order, no gaps
        if (panel != 0 || empty()) return panel == 0;
        std::int64_t expected = 1;
        for (int i = rank - 1; i >= 0; --i) {
            if (shape[i] != 1 && stride[i] != expected) return false;
            expected *= shape[i];
        }
        return true;
    }
};

inline bool same_shape(const TensorView& a, const TensorView& b) {
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank; ++i) {
        if (a.shape[i] != b.shape[i]) return false;
    }
    return true;
}

// Calls f(T()) with the real type of a view.
template <typename F>
auto dispatch_real(DType dtype, F f) {
    return dtype == DType::float64 ? f(double()) : f(float());
}

}  // namespace fastnn
