#include "ops/dropout.h"

#include "core/philox.h"
#include "ops/map.h"

namespace fastnn {

void dropout_check(const TensorView& x, double p, const TensorView& mask, const TensorView& y) {
    map_check("dropout", x, y);
    map_check("dropout", x, mask);
    if (!(p >= 0 && p < 1)) fail("dropout", "p is ", p, "; it must be at least 0 and less than 1");
}

void dropout(Team& team, const TensorView& x, double p, const DropoutDraw& draw, const TensorView& mask,
             const TensorView& y, std::int64_t first) {
    const PhiloxStream stream(draw.seed, Purpose::dropout, draw.call);
    const std::uint64_t first_block = static_cast<std::uint64_t>(draw.module) << 32;  // 2^34 elements a module and call
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const T scale = static_cast<T>(1 / (1 - p));
        const float threshold = static_cast<float>(p);
        const Range mine = team.share(x.size(), cache_items<T>);
        PhiloxBlock words{};
        for (std::int64_t i = mine.begin; i < mine.end; ++i) {
            const auto element = static_cast<std::uint64_t>(first + i);
            if (element % 4 == 0 || i == mine.begin) words = stream.block(first_block + element / 4);
            mask.as<T>()[i] = uniform_float(words[element % 4]) >= threshold ? scale : T(0);
        }
        kernels<T>().multiply(mine.end - mine.begin, x.as<T>() + mine.begin, 1, mask.as<T>() + mine.begin, 1,
                              y.as<T>() + mine.begin);
    });
}

}  // namespace fastnn
