// Pixels to reals: table[u] = u / 255 correctly rounded (PyTorch's ToTensor), then (y - mean) / std (Normalize).

template <typename T>
void from_uint8(std::int64_t n, const std::uint8_t* x, const T* table, bool normalise, T mean, T std, T* y) {
    for (std::int64_t i = 0; i < n; ++i) y[i] = table[x[i]];
    if (!normalise) return;
    subtract(n, y, 1, &mean, 0, y);
    divide(n, y, 1, &std, 0, y);
}
