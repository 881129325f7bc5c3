// threads above | Who does which of a phase's tasks: each thread its own part of them, and later a late one's.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/parallel.h"

namespace fastnn {

// How many of each thread's own tasks are claimed, in a cache line of its owner's, which no other core touches while
// nobody helps. The number carries its phase (phase << 32 | claimed): whoever comes first in a phase finds an older
// one, which counts as zero, and so nobody has to reset another's.
class Claims {
public:
    explicit Claims(int threads) : claimed_(static_cast<std::size_t>(threads)) {}

    // The next of a thread's own of `count` tasks; -1: all of them are claimed.
    std::int64_t claim(int owner, int threads, std::int64_t count, std::uint32_t phase) {
        const Range own = Split{count, 1}.part(owner, threads);
        std::atomic<std::uint64_t>& claimed = claimed_[static_cast<std::size_t>(owner)].value;
        std::uint64_t seen = claimed.load();
        while (true) {
            const std::int64_t next = own.begin + number(seen, phase);
            if (next >= own.end) return -1;
            const std::uint64_t before = std::uint64_t{phase} << 32;
            if (claimed.compare_exchange_weak(seen, before | static_cast<std::uint64_t>(next + 1 - own.begin)))
                return next;
        }
    }

    // A thread other than `index` with tasks that nobody has claimed, or -1.
    int late(int index, int threads, std::int64_t count, std::uint32_t phase) const {
        for (int i = 1; i < threads; ++i) {
            const int other = (index + i) % threads;
            const Range own = Split{count, 1}.part(other, threads);
            const std::uint64_t seen = claimed_[static_cast<std::size_t>(other)].value.load();
            if (own.begin + number(seen, phase) < own.end) return other;
        }
        return -1;
    }

private:
    struct alignas(cache_line) Line {
        std::atomic<std::uint64_t> value{0};
    };

    static std::int64_t number(std::uint64_t seen, std::uint32_t phase) {
        return seen >> 32 == phase ? static_cast<std::int64_t>(seen & 0xffffffff) : 0;
    }

    std::vector<Line> claimed_;
};

}  // namespace fastnn
