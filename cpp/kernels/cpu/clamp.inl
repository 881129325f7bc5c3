// y = min(max(x, low), high); grad_x = grad_y where low <= x <= high, else 0.

template <typename T>
void clamp(std::int64_t n, const T* x, T low, T high, T* y) {
    const Vec<T> least = Vec<T>::broadcast(low), most = Vec<T>::broadcast(high);
    map_vectors(n, x, y, [=](Vec<T> in) {
        const Vec<T> raised = select(greater(least, in), least, in);
        return select(greater(raised, most), most, raised);
    });
}

template <typename T>
void clamp_backward(std::int64_t n, const T* grad_y, const T* x, T low, T high, T* grad_x) {
    const Vec<T> least = Vec<T>::broadcast(low), most = Vec<T>::broadcast(high);
    map_vectors(n, grad_y, x, grad_x, [=](Vec<T> grad, Vec<T> in) {
        return zero_where(is_nan(in), zero_where(greater(in, most), zero_where(greater(least, in), grad)));
    });
}
