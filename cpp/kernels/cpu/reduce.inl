// Adds one row to a running row: the ascending chain of column sums (bias gradients, sums over the first axis).

template <typename T>
void accumulate(std::int64_t n, const T* x, T* total) {
    add(n, total, 1, x, 1, total);
}
