#include "ops/random.h"

#include <numeric>
#include <utility>

#include "core/aligned_buffer.h"

namespace fastnn {

__extension__ using Wide = unsigned __int128;

void uniform(Range part, const PhiloxStream& stream, double low, double high, const TensorView& y) {
    dispatch_real(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        PhiloxBlock words{};
        for (std::int64_t i = part.begin; i < part.end; ++i) {
            if (i % 4 == 0 || i == part.begin) words = stream.block(static_cast<std::uint64_t>(i / 4));
            const double u = uniform_float(words[static_cast<std::size_t>(i % 4)]);
            y.as<T>()[i] = static_cast<T>(low + (high - low) * u);
        }
    });
}

void permutation(const PhiloxStream& stream, std::int64_t n, std::int64_t* order) {
    std::iota(order, order + n, std::int64_t{0});
    std::uint64_t drawn = 0;
    const auto next_word = [&]() -> std::uint64_t {  // 64 bits a draw: words 2 * drawn and 2 * drawn + 1
        const PhiloxBlock words = stream.block(drawn / 2);
        const std::size_t at = drawn++ % 2 * 2;
        return (static_cast<std::uint64_t>(words[at]) << 32) | words[at + 1];
    };
    for (std::int64_t i = n - 1; i > 0; --i) {
        const auto bound = static_cast<std::uint64_t>(i) + 1;
        const std::uint64_t rejected = (0 - bound) % bound;  // 2^64 mod bound values of the low half would be too many
        Wide product = 0;
        do {
            product = static_cast<Wide>(next_word()) * bound;
        } while (static_cast<std::uint64_t>(product) < rejected);
        std::swap(order[i], order[static_cast<std::int64_t>(product >> 64)]);
    }
}

}  // namespace fastnn
