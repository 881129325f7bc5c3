// Sixteen virtual lanes on every ISA, and walking over contiguous elements.
// The lane tree is the one order of every reduction along memory: element j goes to lane j % 16, ascending; then
// lane i = lane i (op) lane i + w for w = 8, 4, 2, 1. Elements past the end are the identity of the operation.

template <typename T>
struct Lanes {
    static constexpr std::int64_t count = 16;
    static constexpr std::int64_t vectors = count / Vec<T>::lanes;
    Vec<T> part[vectors];

    static Lanes broadcast(T x) {
        Lanes r;
        FASTNN_UNROLL
        for (std::int64_t i = 0; i < vectors; ++i) r.part[i] = Vec<T>::broadcast(x);
        return r;
    }
    static Lanes load(const T* p) {
        Lanes r;
        FASTNN_UNROLL
        for (std::int64_t i = 0; i < vectors; ++i) r.part[i] = Vec<T>::load(p + i * Vec<T>::lanes);
        return r;
    }
    static Lanes load_partial(const T* p, std::int64_t n, T identity) {
        Lanes r;
        FASTNN_UNROLL
        for (std::int64_t i = 0; i < vectors; ++i) {
            const std::int64_t first = i * Vec<T>::lanes, left = n > first ? n - first : 0;
            r.part[i] = Vec<T>::load_partial(p + first, left, identity);
        }
        return r;
    }
    void store_n(T* p, std::int64_t n) const {
        FASTNN_UNROLL
        for (std::int64_t i = 0; i < vectors; ++i) {
            const std::int64_t first = i * Vec<T>::lanes, left = n > first ? n - first : 0;
            n == count ? part[i].store(p + first) : part[i].store_partial(p + first, left);
        }
    }
};

template <typename T>
Lanes<T> lanes_at(const T* p, std::int64_t count, T identity) {
    return count == Lanes<T>::count ? Lanes<T>::load(p) : Lanes<T>::load_partial(p, count, identity);
}

template <typename T, typename Op>
Lanes<T> combine(const Lanes<T>& a, const Lanes<T>& b, Op op) {
    Lanes<T> r;
    FASTNN_UNROLL
    for (std::int64_t i = 0; i < Lanes<T>::vectors; ++i) r.part[i] = op(a.part[i], b.part[i]);
    return r;
}

// The tree's levels inside one vector: widths w, w / 2, ..., 1.
template <int w, typename T, typename Op>
Vec<T> fold(Vec<T> x, Op op) {
    if constexpr (w == 0) {
        return x;
    } else {
        return fold<w / 2, T>(op(x, x.template from_lane<w>()), op);
    }
}

template <typename T, typename Op>
T tree(Lanes<T> lanes, Op op) {
    FASTNN_UNROLL
    for (std::int64_t half = Lanes<T>::vectors / 2; half >= 1; half /= 2) {
        for (std::int64_t i = 0; i < half; ++i) lanes.part[i] = op(lanes.part[i], lanes.part[i + half]);
    }
    T result;
    fold<Vec<T>::lanes / 2, T>(lanes.part[0], op).store_partial(&result, 1);
    return result;
}

// Reduces at(i, count), the lanes that start at element i, for i = 0, 16, 32, ... < n.
template <typename T, typename At, typename Op>
T reduce_lanes(std::int64_t n, T identity, At at, Op op) {
    Lanes<T> total = Lanes<T>::broadcast(identity);
    for (std::int64_t i = 0; i < n; i += Lanes<T>::count) {
        total = combine(total, at(i, n - i < Lanes<T>::count ? n - i : Lanes<T>::count), op);
    }
    return tree(total, op);
}

template <typename T>
struct Plus {
    Vec<T> operator()(Vec<T> a, Vec<T> b) const { return a + b; }
};

// The larger; NaN where either is NaN, as NumPy and PyTorch have it.
template <typename T>
struct Larger {
    Vec<T> operator()(Vec<T> a, Vec<T> b) const {
        const Vec<T> larger = select(greater(a, b), a, b);  // b where b is NaN
        return select(is_nan(a), a, larger);
    }
};

// Calls body(i, count) for each vector of n elements; count < lanes only in the last call.
template <typename T, typename Body>
void for_each_vector(std::int64_t n, Body body) {
    std::int64_t i = 0;
    for (; i + Vec<T>::lanes <= n; i += Vec<T>::lanes) body(i, Vec<T>::lanes);
    if (i < n) body(i, n - i);
}

template <typename T>
Vec<T> load_n(const T* p, std::int64_t count) {
    return count == Vec<T>::lanes ? Vec<T>::load(p) : Vec<T>::load_partial(p, count);
}

template <typename T>
void store_n(T* p, std::int64_t count, Vec<T> x) {
    if (count == Vec<T>::lanes) {
        x.store(p);
    } else {
        x.store_partial(p, count);
    }
}

template <typename T>
T sum(std::int64_t n, const T* x) {
    const auto at = [=](std::int64_t i, std::int64_t count) { return lanes_at(x + i, count, T(0)); };
    return reduce_lanes(n, T(0), at, Plus<T>());
}
