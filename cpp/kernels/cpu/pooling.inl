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

// Windows of 2 x 2, side by side, of so few channels that a vector has those of several: lane i is channel i % n of
// window i / n. Their pixels of a row are two vectors; left and right tell the lanes of the first and of the second
// pixel in those, merged the other way round.
template <typename T>
struct Several {
    static constexpr int lanes = static_cast<int>(Vec<T>::lanes), most = lanes / 2;
    std::int32_t left[most + 1][lanes] = {}, right[most + 1][lanes] = {}, merged[most + 1][2][lanes] = {};

    constexpr Several() {
        for (int n = 1; n <= most; ++n) {
            for (int i = 0; i < lanes / n * n; ++i) {
                const int place = i / n * 2 * n + i % n;
                left[n][i] = place;
                right[n][i] = place + n;
                merged[n][place / lanes][place % lanes] = i;
                merged[n][(place + n) / lanes][(place + n) % lanes] = lanes + i;
            }
        }
    }
};
template <typename T>
constexpr Several<T> several{};

// Calls body(i, count) for as many windows from i on as a vector has, of count numbers; returns how many it was for.
template <typename T, typename Body>
std::int64_t for_each_several(std::int64_t m, std::int64_t n, std::int64_t x_step, const std::int64_t* taps,
                              std::int64_t count, Body body) {
    if (n < 1 || n > Several<T>::most || count != 4 || x_step != 2 * n || taps[1] != taps[0] + n ||
        taps[3] != taps[2] + n)
        return 0;
    const std::int64_t each = Vec<T>::lanes / n;
    std::int64_t i = 0;
    for (; i + each <= m; i += each) body(i, each * n);
    return i;
}

// The four pixels of several windows.
template <typename T>
void load_several(const T* x, const std::int64_t* taps, std::int64_t n, std::int64_t count, Vec<T> (&pixels)[4]) {
    using V = Vec<T>;
    FASTNN_UNROLL
    for (int row = 0; row < 2; ++row) {
        const T* const from = x + taps[2 * row];
        const V first = V::load(from), second = load_n(from + V::lanes, 2 * count - V::lanes);
        pixels[2 * row] = V::pick(several<T>.left[n], first, second);
        pixels[2 * row + 1] = V::pick(several<T>.right[n], first, second);
    }
}

// The first of equals, and NaN before all.
template <typename V>
V larger(V best, V next) {
    return select(is_nan(next), next, max(next, best));  // max: best where they are equal, or it is NaN
}

template <typename T>
void max_pool(std::int64_t m, std::int64_t n, const T* x, std::int64_t x_step, const std::int64_t* taps,
              std::int64_t count, T* y) {
    using V = Vec<T>;
    if constexpr (wide<T>) {
        const auto body = [=](std::int64_t i, std::int64_t lanes) {
            V pixels[4];
            load_several(x + i * x_step, taps, n, lanes, pixels);
            store_n(y + i * n, lanes, larger(larger(larger(pixels[0], pixels[1]), pixels[2]), pixels[3]));
        };
        const std::int64_t done = for_each_several<T>(m, n, x_step, taps, count, body);
        m -= done;
        x += done * x_step;
        y += done * n;
    }
    with_count(count, [=](auto number) {
        for_each_pixel_vector<T>(m, n, true, [=](std::int64_t i, std::int64_t j, std::int64_t lanes) {
            const T* const first = x + i * x_step + j;
            V best = load_n(first + taps[0], lanes);
            for (std::int64_t tap = 1; tap < number; ++tap) best = larger(best, load_n(first + taps[tap], lanes));
            store_n(y + i * n + j, lanes, best);
        });
    });
}

// The number of the tap that wins, as a T: exact, as windows have less than 2^24 pixels.
template <typename T, typename Count, typename F>
Vec<T> winning_tap(Count count, F of_tap) {
    Vec<T> best = of_tap(0), winner = Vec<T>::zero();
    for (std::int64_t tap = 1; tap < count; ++tap) {
        const Vec<T> next = of_tap(tap), number = Vec<T>::broadcast(static_cast<T>(tap));
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
Vec<T> where_it_wins(Vec<T> winner, std::int64_t tap, Vec<T> grad) {
    return zero_where(differ(winner, Vec<T>::broadcast(static_cast<T>(tap))), grad);
}

template <typename T>
std::int64_t several_backward(std::int64_t m, std::int64_t n, const T* grad_y, const T* x, std::int64_t x_step,
                              const std::int64_t* taps, std::int64_t count, T* grad_x) {
    using V = Vec<T>;
    return for_each_several<T>(m, n, x_step, taps, count, [=](std::int64_t i, std::int64_t lanes) {
        V pixels[4];
        load_several(x + i * x_step, taps, n, lanes, pixels);
        const V winner = winning_tap<T>(Four(), [&](std::int64_t tap) { return pixels[tap]; });
        const V grad = load_n(grad_y + i * n, lanes);
        FASTNN_UNROLL
        for (int row = 0; row < 2; ++row) {
            const V left = V::zero() + where_it_wins(winner, 2 * row, grad),
                    right = V::zero() + where_it_wins(winner, 2 * row + 1, grad);
            T* const to = grad_x + i * x_step + taps[2 * row];
            V::pick(several<T>.merged[n][0], left, right).store(to);
            store_n(to + V::lanes, 2 * lanes - V::lanes, V::pick(several<T>.merged[n][1], left, right));
        }
    });
}

template <typename T>
void max_pool_backward(std::int64_t m, std::int64_t n, const T* grad_y, const T* x, std::int64_t x_step,
                       const std::int64_t* taps, std::int64_t count, bool apart, T* grad_x) {
    if constexpr (wide<T>) {
        const std::int64_t done = apart ? several_backward(m, n, grad_y, x, x_step, taps, count, grad_x) : 0;
        m -= done;
        grad_y += done * n;
        x += done * x_step;
        grad_x += done * x_step;
    }
    with_count(count, [=](auto number) {
        spread_over_taps(
            m, n, x_step, taps, number, apart, grad_x, [=](std::int64_t i, std::int64_t j, std::int64_t lanes) {
                const T* const first = x + i * x_step + j;
                const Vec<T> winner =
                    winning_tap<T>(number, [=](std::int64_t tap) { return load_n(first + taps[tap], lanes); });
                const Vec<T> grad = load_n(grad_y + i * n + j, lanes);
                return [=](std::int64_t tap) { return where_it_wins(winner, tap, grad); };
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
