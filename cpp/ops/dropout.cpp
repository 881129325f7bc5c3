#include "ops/dropout.h"

#include "core/philox.h"
#include "ops/map.h"
#include "ops/walk.h"

namespace fastnn {

const Facts dropout_facts = Facts("dropout")
                                .array("x")
                                .attribute("p", Argument::Kind::real)
                                .attribute("seed", Argument::Kind::state)
                                .attribute("call", Argument::Kind::state)
                                .attribute("module", Argument::Kind::state)
                                .costs(transcendental)
                                .row_by_row();

void dropout_check(const TensorView& x, double p, const TensorView& mask, const TensorView& y) {
    map_check("dropout", x, y);
    map_check("dropout", x, mask);
    if (!(p >= 0 && p < 1)) fail("dropout", "p is ", p, "; it must be at least 0 and less than 1");
}

namespace {

// The words of a stream by the number of an element, four at a time.
class Words {
public:
    Words(const PhiloxStream& stream, std::uint64_t first_block) : stream_(stream), first_block_(first_block) {}

    std::uint32_t operator()(std::uint64_t element) {
        if (element / 4 != block_) words_ = stream_.block(first_block_ + (block_ = element / 4));
        return words_[element % 4];
    }

private:
    PhiloxStream stream_;
    std::uint64_t first_block_, block_ = ~std::uint64_t{0};
    PhiloxBlock words_{};
};

}  // namespace

void dropout(Range part, const TensorView& x, double p, const DropoutDraw& draw, const TensorView& mask,
             const TensorView& y, std::int64_t first) {
    // 2^34 elements a module and call
    Words words({draw.seed, Purpose::dropout, draw.call}, static_cast<std::uint64_t>(draw.module) << 32);
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const T scale = static_cast<T>(1 / (1 - p));
        const float threshold = static_cast<float>(p);
        const auto kept = [&](std::int64_t element) {
            return uniform_float(words(static_cast<std::uint64_t>(first + element))) >= threshold ? scale : T(0);
        };
        if (x.contiguous()) {
            for (std::int64_t i = part.begin; i < part.end; ++i) mask.as<T>()[i] = kept(i);
        } else {
            const MemoryOrder order(x);
            for (std::int64_t i = part.begin; i < part.end; ++i) mask.as<T>()[i] = kept(order.number_at(i));
        }
        kernels<T>().multiply(part.end - part.begin, x.as<T>() + part.begin, 1, mask.as<T>() + part.begin, 1,
                              y.as<T>() + part.begin);
    });
}

}  // namespace fastnn
