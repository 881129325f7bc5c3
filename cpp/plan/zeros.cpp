#include "plan/zeros.h"

#include "kernels/dispatch.h"

namespace fastnn {

namespace {
constexpr int word_bits = 64;
constexpr int steps_between_looks = 16;  // a look costs about 2 % of a product
}  // namespace

Zeros::Zeros(const TensorView& x) : x_(x), words_(static_cast<std::size_t>(x.shape[1] / word_bits + 1)) {}

void Zeros::prepare(int threads) {
    while (looks_.size() < static_cast<std::size_t>(threads)) {
        looks_.emplace_back();
        looks_.back().columns.resize(static_cast<std::size_t>(live_columns_room(x_)));
    }
}

void Zeros::count(std::int64_t rows, std::int64_t live) {
    rows_.fetch_add(rows, std::memory_order_relaxed);
    live_.fetch_add(rows * live, std::memory_order_relaxed);
    if (leaving_out_pays(live, x_.shape[1]))
        left_out_.fetch_add(rows * (x_.shape[1] - live), std::memory_order_relaxed);
}

LiveColumns Zeros::find(const TensorView& some, std::int32_t* columns) {
    const std::int64_t live = find_live_columns(some, columns).count;
    std::uint64_t bits = 0;
    for (std::int64_t i = 0; i < live; ++i) {
        bits |= std::uint64_t{1} << columns[i] % word_bits;
        const std::int64_t word = columns[i] / word_bits;
        if (i + 1 < live && columns[i + 1] / word_bits == word) continue;
        words_[static_cast<std::size_t>(word)].fetch_or(bits, std::memory_order_relaxed);
        bits = 0;
    }
    count(some.shape[0], live);
    return leaving_out_pays(live, x_.shape[1]) ? LiveColumns{columns, live} : LiveColumns{};
}

LiveColumns Zeros::find_all(const TensorView& x, int thread) {
    Look& look = looks_[static_cast<std::size_t>(thread)];
    if (look.step == step_) return look.live;
    look.step = step_;
    look.live = find_live_columns(x, look.columns.data());
    if (counted_.exchange(step_) != step_) count(x.shape[0], look.live.count);
    if (!leaving_out_pays(look.live.count, x.shape[1])) look.live = {};
    return look.live;
}

LiveColumns Zeros::known(const TensorView& x, int thread) {
    if (counted_.load(std::memory_order_relaxed) == step_) return find_all(x, thread);
    Look& look = looks_[static_cast<std::size_t>(thread)];
    if (look.step != step_) look.live = rows_.load() == x_.shape[0] ? collected(look) : LiveColumns{};
    look.step = step_;
    return look.live;
}

// From the bits of rows that several threads have looked at.
LiveColumns Zeros::collected(Look& look) const {
    std::int32_t* end = look.columns.data();
    for (std::size_t word = 0; word < words_.size(); ++word) {
        const auto first = static_cast<std::int32_t>(word) * word_bits;
        for (std::uint64_t bits = words_[word].load(std::memory_order_relaxed); bits != 0; bits &= bits - 1)
            *end++ = first + __builtin_ctzll(bits);
    }
    const std::int64_t live = end - look.columns.data();
    if (!leaving_out_pays(live, x_.shape[1])) return {};
    for (std::int64_t i = 0; i < index_ahead; ++i) end[i] = live == 0 ? 0 : end[-1];
    return {look.columns.data(), live};
}

void Zeros::end_step() {
    if (pause_ > 0) {
        --pause_;
    } else if (!leaving_out_pays(live_, rows_ * x_.shape[1])) {
        pause_ = steps_between_looks - 1;
    }
    forget();
}

void Zeros::forget() {
    ++step_;
    if (rows_ == 0) return;
    for (auto& word : words_) word.store(0, std::memory_order_relaxed);
    rows_ = 0;
    live_ = 0;
}

}  // namespace fastnn
