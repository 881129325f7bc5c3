// Pixels to reals: u / 255 correctly rounded (PyTorch's ToTensor), then (y - mean) / std (Normalize).
//
// The quotient is u times the rounded reciprocal, put right by what is left of u: q + (u - 255 q) / 255, both steps
// fused. For each of the 256 values this is the correctly rounded quotient (tests/ops/test_gather.py tries them all).
// A table of them would have the same bits, but its look-ups do not go into vectors well.

template <typename T>
void from_uint8(std::int64_t n, const std::uint8_t* x, bool normalise, T mean, T std, T* y) {
    using V = Vec<T>;
    for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(x[i]);  // vectors, as compilers see
    const V most = V::broadcast(T(255)), share = V::broadcast(T(1) / T(255));
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const V u = load_n(y + i, count), q = u * share;
        store_n(y + i, count, fma(fnma(q, most, u), share, q));
    });
    if (!normalise) return;
    subtract(n, y, 1, &mean, 0, y);
    divide(n, y, 1, &std, 0, y);
}
