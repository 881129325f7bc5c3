// exp, log and the four operations over contiguous arrays.

template <typename T, typename Function>
void map_vectors(std::int64_t n, const T* x, T* y, Function function) {
    for_each_vector<T>(
        n, [=](std::int64_t i, std::int64_t count) { store_n(y + i, count, function(load_n(x + i, count))); });
}

template <typename T, typename Function>
void map_vectors(std::int64_t n, const T* a, const T* b, T* y, Function function) {
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        store_n(y + i, count, function(load_n(a + i, count), load_n(b + i, count)));
    });
}

template <typename T>
void exp_all(std::int64_t n, const T* x, T* y) {
    for_each_vector<T>(n,
                       [=](std::int64_t i, std::int64_t count) { store_n(y + i, count, exp(load_n(x + i, count))); });
}

template <typename T>
void log_all(std::int64_t n, const T* x, T* y) {
    for_each_vector<T>(n,
                       [=](std::int64_t i, std::int64_t count) { store_n(y + i, count, log(load_n(x + i, count))); });
}

template <typename T, typename Op>
void binary(std::int64_t n, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, T* y, Op op) {
    const Vec<T> a_all = Vec<T>::broadcast(n > 0 ? *a : T(0)), b_all = Vec<T>::broadcast(n > 0 ? *b : T(0));
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const Vec<T> left = a_step ? load_n(a + i, count) : a_all;
        const Vec<T> right = b_step ? load_n(b + i, count) : b_all;
        store_n(y + i, count, op(left, right));
    });
}

template <typename T>
void add(std::int64_t n, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, T* y) {
    binary(n, a, a_step, b, b_step, y, [](Vec<T> p, Vec<T> q) { return p + q; });
}
template <typename T>
void subtract(std::int64_t n, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, T* y) {
    binary(n, a, a_step, b, b_step, y, [](Vec<T> p, Vec<T> q) { return p - q; });
}
template <typename T>
void multiply(std::int64_t n, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, T* y) {
    binary(n, a, a_step, b, b_step, y, [](Vec<T> p, Vec<T> q) { return p * q; });
}
template <typename T>
void divide(std::int64_t n, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, T* y) {
    binary(n, a, a_step, b, b_step, y, [](Vec<T> p, Vec<T> q) { return p / q; });
}
