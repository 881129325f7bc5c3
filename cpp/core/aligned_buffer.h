// Owned memory, aligned to a cache line (64 bytes, also the width of the widest vector).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

namespace fastnn {

constexpr std::size_t cache_line = 64;

// Elements in a cache line: the grain of a split, so that no two threads write one line.
template <typename T>
constexpr std::int64_t cache_items = static_cast<std::int64_t>(cache_line / sizeof(T));

class AlignedBuffer {
public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(std::size_t bytes) { grow(bytes); }
    AlignedBuffer(AlignedBuffer&& other) noexcept { swap(other); }
    AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
        swap(other);
        return *this;
    }
    AlignedBuffer(const AlignedBuffer&) = delete;
    AlignedBuffer& operator=(const AlignedBuffer&) = delete;
    ~AlignedBuffer() { release(); }

    // At least this many bytes; the contents are zero where the buffer had to grow.
    void grow(std::size_t bytes) {
        if (bytes <= size_) return;
        const std::size_t rounded = (bytes + cache_line - 1) / cache_line * cache_line;
        void* fresh = rounded < bytes ? nullptr : ::operator new(rounded, std::align_val_t{cache_line}, std::nothrow);
        if (fresh == nullptr) throw std::bad_alloc();
        std::memset(fresh, 0, rounded);
        release();
        data_ = fresh;
        size_ = rounded;
    }

    void* data() const { return data_; }
    std::size_t size() const { return size_; }

private:
    void release() { ::operator delete(data_, std::align_val_t{cache_line}); }
    void swap(AlignedBuffer& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
    }

    void* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace fastnn
