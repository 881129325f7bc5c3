// Windows of pixels, for a line of m windows that meet pixels at the same distances (taps) from their own, x_step from
// one window to the next: contracts in kernel_table.h.

template <typename T>
void max_pool(std::int64_t m, std::int64_t n, const T* x, std::int64_t x_step, const std::int64_t* taps,
              std::int64_t count, T* y) {
    for (std::int64_t i = 0; i < m; ++i, x += x_step, y += n) {
        for_each_vector<T>(n, [=](std::int64_t j, std::int64_t lanes) {
            Vec<T> best = load_n(x + taps[0] + j, lanes);
            for (std::int64_t tap = 1; tap < count; ++tap) {
                const Vec<T> next = load_n(x + taps[tap] + j, lanes);
                best = select(greater(next, best), next, best);
                best = select(is_nan(next), next, best);
            }
            store_n(y + j, lanes, best);
        });
    }
}

// The number of the tap that wins, as a T: exact, as windows have less than 2^24 pixels.
template <typename T>
Vec<T> winning_tap(const T* x, const std::int64_t* taps, std::int64_t count, std::int64_t lanes) {
    Vec<T> best = load_n(x + taps[0], lanes), winner = Vec<T>::zero();
    for (std::int64_t tap = 1; tap < count; ++tap) {
        const Vec<T> next = load_n(x + taps[tap], lanes), number = Vec<T>::broadcast(static_cast<T>(tap));
        const auto larger = greater(next, best), nan = is_nan(next);
        winner = select(nan, select(is_nan(best), winner, number), select(larger, number, winner));
        best = select(nan, next, select(larger, next, best));
    }
    return winner;
}

template <typename T>
void max_pool_backward(std::int64_t m, std::int64_t n, const T* grad_y, const T* x, std::int64_t x_step,
                       const std::int64_t* taps, std::int64_t count, bool apart, T* grad_x) {
    for (std::int64_t i = 0; i < m; ++i, x += x_step, grad_x += x_step, grad_y += n) {
        for_each_vector<T>(n, [=](std::int64_t j, std::int64_t lanes) {
            const Vec<T> winner = winning_tap(x + j, taps, count, lanes), grad = load_n(grad_y + j, lanes);
            for (std::int64_t tap = 0; tap < count; ++tap) {
                const Vec<T> number = Vec<T>::broadcast(static_cast<T>(tap));
                const Vec<T> part = zero_where(greater(winner, number), zero_where(greater(number, winner), grad));
                T* const place = grad_x + taps[tap] + j;
                const Vec<T> before = apart ? Vec<T>::zero() : load_n(place, lanes);
                store_n(place, lanes, before + part);
            }
        });
    }
}

template <typename T>
void avg_pool(std::int64_t m, std::int64_t n, const T* x, std::int64_t x_step, const std::int64_t* taps,
              std::int64_t count, const T* divisors, T* y) {
    for (std::int64_t i = 0; i < m; ++i, x += x_step, y += n) {
        const Vec<T> divisor = Vec<T>::broadcast(divisors[i]);
        for_each_vector<T>(n, [=](std::int64_t j, std::int64_t lanes) {
            Vec<T> sum = Vec<T>::zero();
            for (std::int64_t tap = 0; tap < count; ++tap) sum = sum + load_n(x + taps[tap] + j, lanes);
            store_n(y + j, lanes, sum / divisor);
        });
    }
}

template <typename T>
void avg_pool_backward(std::int64_t m, std::int64_t n, const T* grad_y, const T* divisors, std::int64_t x_step,
                       const std::int64_t* taps, std::int64_t count, bool apart, T* grad_x) {
    for (std::int64_t i = 0; i < m; ++i, grad_x += x_step, grad_y += n) {
        const Vec<T> divisor = Vec<T>::broadcast(divisors[i]);
        for_each_vector<T>(n, [=](std::int64_t j, std::int64_t lanes) {
            const Vec<T> part = load_n(grad_y + j, lanes) / divisor;
            for (std::int64_t tap = 0; tap < count; ++tap) {
                T* const place = grad_x + taps[tap] + j;
                const Vec<T> before = apart ? Vec<T>::zero() : load_n(place, lanes);
                store_n(place, lanes, before + part);
            }
        });
    }
}
