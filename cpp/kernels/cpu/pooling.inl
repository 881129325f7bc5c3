// Windows of pixels, for a line of m windows that meet pixels at the same distances (taps) from their own, x_step from
// one window to the next: contracts in kernel_table.h.

// Calls body(i, j, count) for each vector of n channels of m pixels, ascending; with whole vectors also at the end of a
// pixel (overhang) where what they reach into is of later pixels: it is read in vain, and written again. Parts of
// vectors take several times as long.
template <typename T, typename Body>
void for_each_pixel_vector(std::int64_t m, std::int64_t n, bool overhang, Body body) {
    constexpr std::int64_t lanes = Vec<T>::lanes;
    if (n == 0) return;
    const std::int64_t over = (n + lanes - 1) / lanes * lanes - n,
                       last = over == 0 || overhang ? (over + n - 1) / n : m;
    std::int64_t i = 0;
    for (; i + last < m; ++i) {
        for (std::int64_t j = 0; j < n; j += lanes) body(i, j, lanes);
    }
    for (; i < m; ++i) {
        for (std::int64_t j = 0; j < n; j += lanes) body(i, j, n - j < lanes ? n - j : lanes);
    }
}

// Windows of 2 x 2 are most: loops of known length.
struct Four {
    constexpr operator std::int64_t() const { return 4; }
};

template <typename F>
void with_count(std::int64_t count, F f) {
    count == 4 ? f(Four()) : f(count);
}

template <typename T>
void max_pool(std::int64_t m, std::int64_t n, const T* x, std::int64_t x_step, const std::int64_t* taps,
              std::int64_t count, T* y) {
    with_count(count, [=](auto number) {
        for_each_pixel_vector<T>(m, n, true, [=](std::int64_t i, std::int64_t j, std::int64_t lanes) {
            const T* const first = x + i * x_step + j;
            Vec<T> best = load_n(first + taps[0], lanes);
            for (std::int64_t tap = 1; tap < number; ++tap) {
                const Vec<T> next = load_n(first + taps[tap], lanes);
                best = select(greater(next, best), next, best);
                best = select(is_nan(next), next, best);
            }
            store_n(y + i * n + j, lanes, best);
        });
    });
}

// The number of the tap that wins, as a T: exact, as windows have less than 2^24 pixels.
template <typename T, typename Count>
Vec<T> winning_tap(const T* x, const std::int64_t* taps, Count count, std::int64_t lanes) {
    Vec<T> best = load_n(x + taps[0], lanes), winner = Vec<T>::zero();
    for (std::int64_t tap = 1; tap < count; ++tap) {
        const Vec<T> next = load_n(x + taps[tap], lanes), number = Vec<T>::broadcast(static_cast<T>(tap));
        const auto larger = greater(next, best), nan = is_nan(next);
        winner = select(nan, select(is_nan(best), winner, number), select(larger, number, winner));
        best = select(nan, next, select(larger, next, best));
    }
    return winner;
}

// Whether windows take up all of their rows, one beside the other, and a pixel is in one vector: what reaches over a
// pixel's end is in one that is written later.
template <typename T>
bool written_later(std::int64_t n, std::int64_t x_step, const std::int64_t* taps, std::int64_t count) {
    std::int64_t columns = 1;
    while (columns < count && taps[columns] == taps[columns - 1] + n) ++columns;
    bool rows = count % columns == 0;
    for (std::int64_t tap = 1; tap < count; ++tap) rows &= tap % columns == 0 || taps[tap] == taps[tap - 1] + n;
    return rows && columns * n == x_step && n <= Vec<T>::lanes;
}

// Gives each tap of each window its part(tap, i, j, count).
template <typename T, typename Count, typename Part>
void spread_over_taps(std::int64_t m, std::int64_t n, std::int64_t x_step, const std::int64_t* taps, Count count,
                      bool apart, T* grad_x, Part part) {
    const bool overhang = apart && written_later<T>(n, x_step, taps, count);
    for_each_pixel_vector<T>(m, n, overhang, [=](std::int64_t i, std::int64_t j, std::int64_t lanes) {
        const auto of_tap = part(i, j, lanes);
        for (std::int64_t tap = 0; tap < count; ++tap) {
            T* const place = grad_x + i * x_step + taps[tap] + j;
            const Vec<T> before = apart ? Vec<T>::zero() : load_n(place, lanes);
            store_n(place, lanes, before + of_tap(tap));
        }
    });
}

template <typename T>
void max_pool_backward(std::int64_t m, std::int64_t n, const T* grad_y, const T* x, std::int64_t x_step,
                       const std::int64_t* taps, std::int64_t count, bool apart, T* grad_x) {
    with_count(count, [=](auto number) {
        spread_over_taps(m, n, x_step, taps, number, apart, grad_x,
                         [=](std::int64_t i, std::int64_t j, std::int64_t lanes) {
                             const Vec<T> winner = winning_tap(x + i * x_step + j, taps, number, lanes);
                             const Vec<T> grad = load_n(grad_y + i * n + j, lanes);
                             return [=](std::int64_t tap) {
                                 return zero_where(differ(winner, Vec<T>::broadcast(static_cast<T>(tap))), grad);
                             };
                         });
    });
}

template <typename T>
void avg_pool(std::int64_t m, std::int64_t n, const T* x, std::int64_t x_step, const std::int64_t* taps,
              std::int64_t count, const T* divisors, T* y) {
    for_each_pixel_vector<T>(m, n, true, [=](std::int64_t i, std::int64_t j, std::int64_t lanes) {
        Vec<T> sum = Vec<T>::zero();
        for (std::int64_t tap = 0; tap < count; ++tap) sum = sum + load_n(x + i * x_step + taps[tap] + j, lanes);
        store_n(y + i * n + j, lanes, sum / Vec<T>::broadcast(divisors[i]));
    });
}

template <typename T>
void avg_pool_backward(std::int64_t m, std::int64_t n, const T* grad_y, const T* divisors, std::int64_t x_step,
                       const std::int64_t* taps, std::int64_t count, bool apart, T* grad_x) {
    spread_over_taps(m, n, x_step, taps, count, apart, grad_x, [=](std::int64_t i, std::int64_t j, std::int64_t lanes) {
        const Vec<T> part = load_n(grad_y + i * n + j, lanes) / Vec<T>::broadcast(divisors[i]);
        return [=](std::int64_t) { return part; };
    });
}
