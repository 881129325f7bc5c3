#include "plan/zeros.h"

namespace fastnn {

namespace {
constexpr int word_bits = 64;
constexpr int steps_between_looks = 16;  // a look costs about 2 % of a product
}  // namespace

Zeros::Zeros(const TensorView& x) : x_(x), words_(static_cast<std::size_t>(x.shape[1] / word_bits + 1)) {}

LiveColumns Zeros::find(Range range, std::int32_t* columns) {
    const std::int64_t rows = range.end - range.begin;
    const std::int64_t live = find_live_columns(x_.rows(range.begin, rows), columns).count;
    std::uint64_t bits = 0;
    for (std::int64_t i = 0; i < live; ++i) {
        bits |= std::uint64_t{1} << columns[i] % word_bits;
        const std::int64_t word = columns[i] / word_bits;
        if (i + 1 < live && columns[i + 1] / word_bits == word) continue;
        words_[static_cast<std::size_t>(word)].fetch_or(bits, std::memory_order_relaxed);
        bits = 0;
    }
    rows_.fetch_add(rows, std::memory_order_relaxed);
    live_.fetch_add(rows * live, std::memory_order_relaxed);
    if (!leaving_out_pays(live, x_.shape[1])) return {};
    left_out_.fetch_add(rows * (x_.shape[1] - live), std::memory_order_relaxed);
    return {columns, live};
}

bool Zeros::known() const {
    if (rows_.load(std::memory_order_relaxed) != x_.shape[0]) return false;
    std::int64_t live = 0;
    for (const auto& word : words_) live += __builtin_popcountll(word.load(std::memory_order_relaxed));
    return leaving_out_pays(live, x_.shape[1]);
}

bool Zeros::is_live(std::int64_t column) const {
    const std::uint64_t word = words_[static_cast<std::size_t>(column / word_bits)].load(std::memory_order_relaxed);
    return word >> column % word_bits & 1;
}

Range Zeros::live_run(std::int64_t from, std::int64_t end) const {
    while (from < end && !is_live(from)) ++from;
    std::int64_t last = from, gap = 0;
    for (std::int64_t column = from; column < end && gap < shortest_gap; ++column) {
        gap = is_live(column) ? 0 : gap + 1;
        if (gap == 0) last = column + 1;
    }
    return {from, last};
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
    if (rows_ == 0) return;
    for (auto& word : words_) word.store(0, std::memory_order_relaxed);
    rows_ = 0;
    live_ = 0;
}

}  // namespace fastnn
