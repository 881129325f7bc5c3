// The kernels as C99, for networks in files of their own: the definitions of cpp/kernels/cpu, written for one number at
// a time, in the same order and so with the same bits. A file gets those that it uses (kernels.py); each stands
// between empty lines. Images lie [height][width][channels], kernels [height][width][inputs][outputs].

typedef union {
    float real;
    uint32_t bits;
} nn_word;

typedef union {
    double real;
    uint64_t bits;
} nn_word64;

static uint32_t nn_bits(float x) {
    nn_word word;
    word.real = x;
    return word.bits;
}

static float nn_real(uint32_t bits) {
    nn_word word;
    word.bits = bits;
    return word.real;
}

static uint64_t nn_bits64(double x) {
    nn_word64 word;
    word.real = x;
    return word.bits;
}

static double nn_real64(uint64_t bits) {
    nn_word64 word;
    word.bits = bits;
    return word.real;
}

// a b + c, rounded once. Without an instruction for it: the product is exact in double, and the sum is rounded to odd
// there, so that the second rounding is right (Boldo and Melquiond, 2008).
static float nn_fma(float a, float b, float c) {
#ifdef FP_FAST_FMAF
    return fmaf(a, b, c);
#else
    const double product = (double)a * b, sum = product + c, part = sum - product;
    const double lost = (product - (sum - part)) + (c - part);
    nn_word64 word;
    if (!(lost > 0 || lost < 0)) return (float)sum;
    word.real = sum;
    if (word.bits % 2 == 0) word.bits += (lost > 0) == (sum > 0) ? 1 : UINT64_MAX;
    return (float)word.real;
#endif
}

#ifndef FP_FAST_FMA
// x to odd: what rounding took away moves an even last bit.
static double nn_to_odd(double x, double lost) {
    const uint64_t bits = nn_bits64(x);
    if (!(lost > 0 || lost < 0) || bits % 2 == 1) return x;
    return nn_real64(bits + ((lost > 0) == (x > 0) ? 1 : UINT64_MAX));
}
#endif

#ifndef FP_FAST_FMA
static double nn_lost(double a, double b, double sum) {
    const double part = sum - a;
    return (a - (sum - part)) + (b - part);
}
#endif

// a b + c of doubles, where nothing leaves their range: exact product and sums (Dekker, 1971), the last one by way of
// one to odd (Boldo and Melquiond, 2008).
static double nn_fma64(double a, double b, double c) {
#ifdef FP_FAST_FMA
    return fma(a, b, c);
#else
    const double split = 134217729.0, a_far = a * split, b_far = b * split;
    const double a_high = a_far - (a_far - a), b_high = b_far - (b_far - b), a_low = a - a_high, b_low = b - b_high;
    const double product = a * b;
    const double rest = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
    const double low = c + rest, low_lost = nn_lost(c, rest, low);
    const double high = product + low, high_lost = nn_lost(product, low, high);
    const double both = low_lost + high_lost;
    return high + nn_to_odd(both, nn_lost(low_lost, high_lost, both));
#endif
}

static float nn_clamp(float x, float low, float high) {
    x = low > x ? low : x;
    return x > high ? high : x;
}

static float nn_absolute(float x) { return nn_real(nn_bits(x) & 0x7FFFFFFF); }

static float nn_whole(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

static float nn_power_of_two(float n) { return nn_real(nn_bits(n + (0x1.8p23f + 127)) << 23); }

// exp(r) - 1, where x = n ln2 + r.
static float nn_expm1_part(float x, float *n) {
    float r, q = 0x1.a01a02p-13f;
    *n = nn_whole(x * 0x1.715476p+0f);
    r = nn_fma(-*n, 0x1.62e430p-1f, x);
    r = nn_fma(-*n, -0x1.05c610p-29f, r);
    q = nn_fma(q, r, 0x1.6c16c2p-10f);
    q = nn_fma(q, r, 0x1.111112p-7f);
    q = nn_fma(q, r, 0x1.555556p-5f);
    q = nn_fma(q, r, 0x1.555556p-3f);
    q = nn_fma(q, r, 0x1p-1f);
    return nn_fma(r * r, q, r);
}

static float nn_exp(float x) {
    float n, half;
    const float part = nn_expm1_part(nn_clamp(x, -104, 89), &n);
    half = nn_whole(n * 0.5f);
    return (1 + part) * nn_power_of_two(half) * nn_power_of_two(n - half);
}

static float nn_log_normal(float x, float k) {
    const float exponent = nn_real(nn_bits(x) >> 23 | 0x4B000000);
    float m = nn_real((nn_bits(x) & 0x007FFFFF) | 0x3F800000), f, s, z, series = 0x1.745d18p-3f, half_square, low;
    k = k + (exponent - (0x1p23f + 127));
    if (m > 0x1.6a09e6p+0f) {
        m = m * 0.5f;
        k = k + 1;
    }
    f = m - 1;
    s = f / (2 + f);
    z = s * s;
    series = nn_fma(series, z, 0x1.c71c72p-3f);
    series = nn_fma(series, z, 0x1.24924ap-2f);
    series = nn_fma(series, z, 0x1.99999ap-2f);
    series = nn_fma(series, z, 0x1.555556p-1f);
    half_square = 0.5f * f * f;
    low = nn_fma(s, nn_fma(series, z, half_square), k * 0x1.7f7d1cp-20f);
    return nn_fma(k, 0x1.62e4p-1f, f - (half_square - low));
}

static float nn_log(float x) {
    if (x != x || x == INFINITY) return x;
    if (!(x > 0)) return x < 0 ? nn_real(0x7FC00000) : -INFINITY;
    return x < 0x1p-126f ? nn_log_normal(x * 0x1p24f, -24) : nn_log_normal(x, 0);
}

static float nn_log1p_unit(float x) {
    const float u = 1 + x;
    return nn_log_normal(u, 0) + (x - (u - 1)) / u;
}

static float nn_quotient(float a, float a_low, float d, float d_low) {
    const float r = 1 / d, q = a * r;
    return nn_fma((nn_fma(-q, d, a) + a_low) - q * d_low, r, q);
}

static float nn_tanh(float x) {
    const float a = nn_clamp(nn_absolute(x), 0, 10);
    float n, part, scale, base, t, t_low, d, two_part, d_low;
    part = nn_expm1_part(a + a, &n);
    scale = nn_power_of_two(n);
    base = scale - 1;
    t = nn_fma(scale, part, base);
    t_low = nn_fma(scale, part, base - t);
    d = t + 2;
    two_part = d - t;
    d_low = (t - (d - two_part)) + (2 - two_part);
    return nn_real(nn_bits(nn_quotient(t, t_low, d, d_low + t_low)) | (nn_bits(x) & 0x80000000));
}

static float nn_sigmoid(float x) {
    const float e = nn_exp(0 - nn_absolute(x)), d = 1 + e, d_low = e - (d - 1);
    return nn_quotient(0 > x ? e : 1, 0, d, d_low);
}

static float nn_relu(float x) { return x > 0 || x != x ? x : 0; }

static float nn_leaky_relu(float x, float slope) { return x > 0 ? x : x * slope; }

static float nn_silu(float x) { return x * nn_sigmoid(x); }

static float nn_elu(float x, float alpha) {
    float n, part, scale;
    if (!(0 > x)) return x;
    part = nn_expm1_part(nn_clamp(x, -20, 0), &n);
    scale = nn_power_of_two(n);
    return alpha * nn_fma(scale, part, scale - 1);
}

static float nn_softplus(float x) { return nn_relu(x) + nn_log1p_unit(nn_exp(0 - nn_absolute(x))); }

static float nn_gelu(float x) {
    static const float c[11] = {-0x1.3dc42p-18f,  0x1.ecdaccp-17f, 0x1.3ff838p-14f, -0x1.a2eb5cp-13f,
                                -0x1.5fa128p-10f, 0x1.190852p-11f, 0x1.a0fda4p-6f,  0x1.e3a4e2p-4f,
                                0x1.4ce472p-2f,   0x1.42918ep-1f,  0x1.cdf82p-1f};
    const float t = nn_clamp(nn_absolute(x), 0, 15), half = t * 0.5f, square = t * half;
    const float lost = nn_fma(t, half, 0 - square), rough = nn_exp(0 - square), bell = nn_fma(-rough, lost, rough);
    const float r = 1 / (t + 4), w = nn_fma(r, 0x1.444444p+3f, -0x1.888888p+0f);
    float q = c[0], beyond;
    for (int k = 1; k < 11; ++k) q = nn_fma(q, w, c[k]);
    beyond = bell * (q * r);
    return x * (0 > x ? beyond : 1 - beyond);
}

static float nn_gelu_tanh(float x) {
    return x * nn_sigmoid(x * nn_fma(x * x, 0x1.2444f2p-4f, 0x1.988454p+0f));
}

static float nn_whole_power(float x, int exponent) {
    float result = 1, square = x;
    for (int rest = exponent < 0 ? -exponent : exponent; rest > 0; rest /= 2) {
        if (rest % 2 == 1) result = result * square;
        if (rest > 1) square = square * square;
    }
    return exponent < 0 ? 1 / result : result;
}

static double nn_log64(double x) {
    static const double c[11] = {
        0x1.642c8590b2164p-4, 0x1.8618618618618p-4, 0x1.af286bca1af28p-4, 0x1.e1e1e1e1e1e1ep-4,
        0x1.1111111111111p-3, 0x1.3b13b13b13b14p-3, 0x1.745d1745d1746p-3, 0x1.c71c71c71c71cp-3,
        0x1.2492492492492p-2, 0x1.999999999999ap-2, 0x1.5555555555555p-1};
    double exponent, k, m, f, s, z, series = c[0], half_square, low;
    if (x != x || x == INFINITY) return x;
    if (!(x > 0)) return x < 0 ? nn_real64((uint64_t)0x7FF8 << 48) : -INFINITY;
    exponent = nn_real64(nn_bits64(x) >> 52 | (uint64_t)0x433 << 52);
    k = exponent - (0x1p52 + 1023);
    m = nn_real64((nn_bits64(x) & (UINT64_MAX >> 12)) | (uint64_t)0x3FF << 52);
    if (m > 0x1.6a09e667f3bcdp+0) {
        m = m * 0.5;
        k = k + 1;
    }
    f = m - 1;
    s = f / (2 + f);
    z = s * s;
    for (int i = 1; i < 11; ++i) series = nn_fma64(series, z, c[i]);
    half_square = 0.5 * f * f;
    low = nn_fma64(s, nn_fma64(series, z, half_square), k * 0x1.3de6af278ece6p-42);
    return nn_fma64(k, 0x1.62e42fefa3p-1, f - (half_square - low));
}

static double nn_power_of_two64(double n) { return nn_real64(nn_bits64(n + (0x1.8p52 + 1023)) << 52); }

static double nn_exp64(double x) {
    static const double c[12] = {
        0x1.6124613a86d0ap-33, 0x1.1eed8eff8d898p-29, 0x1.ae64567f544e4p-26, 0x1.27e4fb7789f5dp-22,
        0x1.71de3a556c734p-19, 0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-13, 0x1.6c16c16c16c17p-10,
        0x1.1111111111111p-7,  0x1.5555555555555p-5,  0x1.5555555555555p-3,  0x1p-1};
    double n, r, q = c[0], half;
    x = x > 710 ? 710 : x;
    x = -746 > x ? -746 : x;
    n = (x * 0x1.71547652b82fep+0 + 0x1.8p52) - 0x1.8p52;
    r = nn_fma64(-n, 0x1.62e42fefa39efp-1, x);
    r = nn_fma64(-n, 0x1.abc9e3b39803fp-56, r);
    for (int i = 1; i < 12; ++i) q = nn_fma64(q, r, c[i]);
    half = (n * 0.5 + 0x1.8p52) - 0x1.8p52;
    return (1 + nn_fma64(r * r, q, r)) * nn_power_of_two64(half) * nn_power_of_two64(n - half);
}

static float nn_power(float x, double exponent) { return (float)nn_exp64(nn_log64(x) * exponent); }

// Element j in lane j % 16; then lane i += lane i + w, for w = 8, 4, 2, 1.
static float nn_sum(int n, const float *x) {
    float lane[16] = {0};
    for (int i = 0; i < n; ++i) lane[i % 16] = lane[i % 16] + x[i];
    for (int w = 8; w > 0; w /= 2) {
        for (int i = 0; i < w; ++i) lane[i] = lane[i] + lane[i + w];
    }
    return lane[0];
}

static void nn_sum_axis(int outer, int axis, int inner, const float *x, float scale, float *y) {
    for (int i = 0; i < outer * inner; ++i) {
        const float *from = x + i / inner * axis * inner + i % inner;
        float sum = 0;
        if (inner == 1) {
            sum = nn_sum(axis, from);
        } else {
            for (int k = 0; k < axis; ++k) sum = sum + from[k * inner];
        }
        y[i] = scale == 1 ? sum : sum * scale;
    }
}

static void nn_max_axis(int outer, int axis, int inner, const float *x, float *y) {
    for (int i = 0; i < outer * inner; ++i) {
        const float *from = x + i / inner * axis * inner + i % inner;
        float best = from[0];
        for (int k = 1; k < axis && best == best; ++k) {
            if (from[k * inner] > best || from[k * inner] != from[k * inner]) best = from[k * inner];
        }
        y[i] = best;
    }
}

static float nn_exp_row(int n, const float *x, float *y) {
    float top = -INFINITY;
    for (int i = 0; i < n; ++i) top = x[i] > top || x[i] != x[i] ? x[i] : top;
    for (int i = 0; i < n; ++i) y[i] = nn_exp(x[i] - top);
    return top;
}

static void nn_softmax(int rows, int n, const float *x, float *y) {
    for (int r = 0; r < rows; ++r, x += n, y += n) {
        float total;
        nn_exp_row(n, x, y);
        total = nn_sum(n, y);
        for (int i = 0; i < n; ++i) y[i] = y[i] / total;
    }
}

static void nn_log_softmax(int rows, int n, const float *x, float *y) {
    for (int r = 0; r < rows; ++r, x += n, y += n) {
        const float top = nn_exp_row(n, x, y), total = nn_log(nn_sum(n, y));
        for (int i = 0; i < n; ++i) y[i] = (x[i] - top) - total;
    }
}

static void nn_finish(int n, const float *bias, int relu, float *y) {
    for (int j = 0; j < n; ++j) {
        y[j] = y[j] + 0.0f;
        if (bias) y[j] = y[j] + bias[j];
        if (relu) y[j] = y[j] > 0 || y[j] != y[j] ? y[j] : 0;
    }
}

// y (m, n) = a (m, k) b (k, n), then bias and ReLU: each element a chain of fused multiply-adds over k.
static void nn_product(int m, int n, int k, const float *a, int a_row, int a_column, const float *b, int b_row,
                       int b_column, const float *bias, int relu, float *y) {
    for (int i = 0; i < m; ++i, a += a_row, y += n) {
        for (int j = 0; j < n; ++j) y[j] = 0;
        for (int t = 0; t < k; ++t) {
            for (int j = 0; j < n; ++j) y[j] = nn_fma(a[t * a_column], b[t * b_row + j * b_column], y[j]);
        }
        nn_finish(n, bias, relu, y);
    }
}

typedef struct {
    int height, width, channels, out_height, out_width, outputs, kernel_height, kernel_width, stride_y, stride_x;
    int top, left, bottom, right, dilation_y, dilation_x, groups;
    int include_padding, divisor;
} nn_window;

// Each output a chain over the kernel's rows, its columns and the channels, of the pixels inside of the image.
static void nn_conv2d(const nn_window *s, const float *x, const float *w, const float *bias, int relu, float *y) {
    const int inputs = s->channels / s->groups, outputs = s->outputs / s->groups;
    for (int pixel = 0; pixel < s->out_height * s->out_width; ++pixel, y += s->outputs) {
        for (int o = 0; o < s->outputs; ++o) y[o] = 0;
        for (int tap = 0; tap < s->kernel_height * s->kernel_width; ++tap) {
            const int row = pixel / s->out_width * s->stride_y - s->top + tap / s->kernel_width * s->dilation_y;
            const int column = pixel % s->out_width * s->stride_x - s->left + tap % s->kernel_width * s->dilation_x;
            if (row < 0 || row >= s->height || column < 0 || column >= s->width) continue;
            for (int c = 0; c < s->channels; ++c) {
                const float in = x[(row * s->width + column) * s->channels + c];
                const float *own = w + (tap * inputs + c % inputs) * s->outputs;
                const int first = c / inputs * outputs;
                for (int o = first; o < first + outputs; ++o) y[o] = nn_fma(in, own[o], y[o]);
            }
        }
        nn_finish(s->outputs, bias, relu, y);
    }
}

// The other way round (transposed): s is the convolution that makes images like x (out_height, out_width, outputs) of
// such as y (height, width, channels).
static void nn_conv2d_grad_x(const nn_window *s, const float *x, const float *w, float *y) {
    const int inputs = s->channels / s->groups, outputs = s->outputs / s->groups;
    for (int i = 0; i < s->height * s->width * s->channels; ++i) {
        const int c = i % s->channels, pixel = i / s->channels, first = c / inputs * outputs;
        float sum = 0;
        for (int tap = 0; tap < s->kernel_height * s->kernel_width; ++tap) {
            const int row = pixel / s->width + s->top - tap / s->kernel_width * s->dilation_y;
            const int column = pixel % s->width + s->left - tap % s->kernel_width * s->dilation_x;
            const float *own = w + (tap * inputs + c % inputs) * s->outputs, *in;
            if (row < 0 || row % s->stride_y || row / s->stride_y >= s->out_height) continue;
            if (column < 0 || column % s->stride_x || column / s->stride_x >= s->out_width) continue;
            in = x + (row / s->stride_y * s->out_width + column / s->stride_x) * s->outputs;
            for (int o = first; o < first + outputs; ++o) sum = nn_fma(in[o], own[o], sum);
        }
        y[i] = sum + 0.0f;
    }
}

// The largest of each window, NaN before all.
static void nn_max_pool2d(const nn_window *s, const float *x, float *y) {
    for (int i = 0; i < s->out_height * s->out_width * s->channels; ++i) {
        const int c = i % s->channels, pixel = i / s->channels;
        float best = -INFINITY;
        for (int tap = 0; tap < s->kernel_height * s->kernel_width; ++tap) {
            const int row = pixel / s->out_width * s->stride_y - s->top + tap / s->kernel_width * s->dilation_y;
            const int column = pixel % s->out_width * s->stride_x - s->left + tap % s->kernel_width * s->dilation_x;
            if (row >= 0 && row < s->height && column >= 0 && column < s->width) {
                const float in = x[(row * s->width + column) * s->channels + c];
                best = in > best || in != in ? in : best;
            }
        }
        y[i] = best;
    }
}

static int nn_met(int first, int kernel, int size, int behind, int include_padding) {
    const int most = include_padding ? size + behind : size, end = first + kernel < most ? first + kernel : most;
    return include_padding || first > 0 ? end - first : end;
}

static void nn_avg_pool2d(const nn_window *s, const float *x, float *y) {
    for (int i = 0; i < s->out_height * s->out_width * s->channels; ++i) {
        const int c = i % s->channels, pixel = i / s->channels;
        const int top = pixel / s->out_width * s->stride_y - s->top;
        const int left = pixel % s->out_width * s->stride_x - s->left;
        const int met = nn_met(top, s->kernel_height, s->height, s->bottom, s->include_padding) *
                        nn_met(left, s->kernel_width, s->width, s->right, s->include_padding);
        float sum = 0;
        for (int tap = 0; tap < s->kernel_height * s->kernel_width; ++tap) {
            const int row = top + tap / s->kernel_width, column = left + tap % s->kernel_width;
            if (row >= 0 && row < s->height && column >= 0 && column < s->width)
                sum = sum + x[(row * s->width + column) * s->channels + c];
        }
        y[i] = sum / (float)(s->divisor ? s->divisor : met);
    }
}

// Means of windows that cut the image evenly, in double.
static void nn_adaptive_avg_pool2d(const nn_window *s, const float *x, float *y) {
    for (int i = 0; i < s->out_height * s->out_width * s->channels; ++i) {
        const int c = i % s->channels, row = i / s->channels / s->out_width, column = i / s->channels % s->out_width;
        const int top = row * s->height / s->out_height, left = column * s->width / s->out_width;
        const int bottom = ((row + 1) * s->height + s->out_height - 1) / s->out_height;
        const int right = ((column + 1) * s->width + s->out_width - 1) / s->out_width;
        double sum = 0;
        for (int h = top; h < bottom; ++h) {
            for (int w = left; w < right; ++w) sum = sum + x[(h * s->width + w) * s->channels + c];
        }
        y[i] = (float)(sum / ((double)(bottom - top) * (right - left)));
    }
}

static void nn_normalise(int pixels, int channels, const float *x, const float *mean, const float *scale,
                         const float *bias, float *y) {
    for (int i = 0; i < pixels * channels; ++i)
        y[i] = nn_fma(x[i] - mean[i % channels], scale[i % channels], bias[i % channels]);
}

static void nn_take(int n, const float *x, const int32_t *places, float *y) {
    for (int i = 0; i < n; ++i) y[i] = x[places[i]];
}

static void nn_spread(int n, const float *x, const int32_t *places, int size, float *y) {
    for (int i = 0; i < size; ++i) y[i] = 0;
    for (int i = 0; i < n; ++i) y[places[i]] = y[places[i]] + x[i];
}
