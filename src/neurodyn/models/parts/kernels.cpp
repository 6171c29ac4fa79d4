// The time loops of the clipped GRU and of the LFADS decoder, forward and backward: products by the BLAS that PyTorch brings, everything else in single passes.
//
// Plain C interface, no PyTorch headers: buffers come from Python (see kernels.py), are dense and time-major, and are only filled here.
// Equations and names are those of gru.py and decoder_loop.py; gates of one trial are three blocks z, r, n of one row.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

using Count = std::int64_t;  // by reference to BLAS: on little-endian machines right for 32-bit integers too

template <typename T>
using Product = void (*)(const char*, const char*, const Count*, const Count*, const Count*, const T*, const T*, const Count*,
                      const T*, const Count*, const T*, T*, const Count*);

// -- products ---------------------------------------------------------------------------------------------------------

template <typename T>
struct Matrix {  // row-major, `stride` entries from row to row
    T* at;
    Count stride;
};

// out = in · weight + keep · out, with in (rows, inner) and out (rows, columns)
template <typename T>
static void multiply(Product<T> product, Count rows, Count columns, Count inner, Matrix<const T> in, Matrix<const T> weight, T keep, Matrix<T> out) {
    const T one = 1;
    product("N", "N", &columns, &rows, &inner, &one, weight.at, &weight.stride, in.at, &in.stride, &keep, out.at, &out.stride);
}

// out = in · weightᵀ + keep · out
template <typename T>
static void multiply_transposed(Product<T> product, Count rows, Count columns, Count inner, Matrix<const T> in, Matrix<const T> weight, T keep, Matrix<T> out) {
    const T one = 1;
    product("T", "N", &columns, &rows, &inner, &one, weight.at, &weight.stride, in.at, &in.stride, &keep, out.at, &out.stride);
}

// out += inᵀ · grad, with in (rows, inner) and grad (rows, columns): a weight's gradient
template <typename T>
static void accumulate(Product<T> product, Count rows, Count columns, Count inner, Matrix<const T> in, Matrix<const T> grad, Matrix<T> out) {
    const T one = 1;
    product("N", "T", &columns, &inner, &rows, &one, grad.at, &grad.stride, in.at, &in.stride, &one, out.at, &out.stride);
}

// out += column sums of grad (rows, columns): a bias's gradient; `sums` is room for one row
template <typename T>
static void accumulate_rows(Count rows, Count columns, const T* grad, T* __restrict__ sums, T* __restrict__ out) {
    std::fill_n(sums, columns, T(0));
    for (Count b = 0; b < rows; ++b)
        for (Count i = 0; i < columns; ++i) sums[i] += grad[b * columns + i];
    for (Count i = 0; i < columns; ++i) out[i] += sums[i];
}

// -- functions that compilers can put into vector registers --------------------------------------------------------------

// x = k ln 2 + r with |r| ≤ ½ ln 2: gives exp(r) − 1 by its Taylor series (the next term is 5e-9) and 2^k; |x| ≤ 88
static inline float reduced(float x, float& power) {
    const float k = std::nearbyint(x * 1.44269504f);
    const float r = (x - k * 0.693359375f) + k * 2.12194440e-4f;  // ln 2 in two parts, the first exact in few bits
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    const std::int32_t bits = (static_cast<std::int32_t>(k) + 127) << 23;
    std::memcpy(&power, &bits, sizeof power);
    return p * r * r + r;
}

static inline float limited(float x, float low, float high) {  // NaN stays NaN
    x = x > high ? high : x;
    return x < low ? low : x;
}

static inline float exponential(float x) {
    float power;
    const float rest = reduced(limited(x, -87.0f, 88.0f), power);
    return power * rest + power;
}
static inline double exponential(double x) { return std::exp(x); }

template <typename T>
static inline T sigmoid(T x) { return T(1) / (T(1) + exponential(-x)); }

static inline float hyperbolic_tangent(float x) {  // e / (e + 2) with e = exp(2x) − 1; it is 1 in single precision from 9.1 on
    float power;
    const float rest = reduced(limited(2.0f * x, -20.0f, 20.0f), power), e = power * rest + (power - 1.0f);
    return e / (e + 2.0f);
}
static inline double hyperbolic_tangent(double x) { return std::tanh(x); }

// -- one step of one clipped GRU ---------------------------------------------------------------------------------------

template <typename T>
struct Cell {
    Product<T> product;
    const T* weight;  // (size, 3 · size)
    Count trials, size;
    T clip;  // infinite: no clipping
};

// `gates` holds the input's share where `keep` is 1 and leaves as (z, r, n); `drive` is added to it, one row for all trials where its stride is 0
template <typename T>
static void advance(const Cell<T>& cell, T keep, Matrix<const T> drive, T* gates, const T* state, T* reset_state, T* next, const T* mask, T* dropped) {
    const Count s = cell.size, wide = 3 * s;
    multiply<T>(cell.product, cell.trials, 2 * s, s, {state, s}, {cell.weight, wide}, keep, {gates, wide});
    for (Count b = 0; b < cell.trials; ++b) {
        T* __restrict__ a = gates + b * wide;
        const T* __restrict__ h = state + b * s;
        T* __restrict__ rh = reset_state + b * s;
        if (drive.at) {
            const T* __restrict__ d = drive.at + b * drive.stride;
            for (Count i = 0; i < 2 * s; ++i) a[i] = sigmoid(a[i] + d[i]);
        } else {
            for (Count i = 0; i < 2 * s; ++i) a[i] = sigmoid(a[i]);
        }
        for (Count i = 0; i < s; ++i) rh[i] = a[s + i] * h[i];
    }
    multiply<T>(cell.product, cell.trials, s, s, {reset_state, s}, {cell.weight + 2 * s, wide}, keep, {gates + 2 * s, wide});
    for (Count b = 0; b < cell.trials; ++b) {
        const T* __restrict__ z = gates + b * wide;
        T* __restrict__ n = gates + b * wide + 2 * s;
        const T* __restrict__ h = state + b * s;
        T* __restrict__ out = next + b * s;
        if (drive.at) {
            const T* __restrict__ d = drive.at + b * drive.stride + 2 * s;
            for (Count i = 0; i < s; ++i) n[i] += d[i];
        }
        for (Count i = 0; i < s; ++i) {
            n[i] = hyperbolic_tangent(n[i]);
            out[i] = n[i] + z[i] * (h[i] - n[i]);
        }
        if (std::isfinite(cell.clip))
            for (Count i = 0; i < s; ++i) out[i] = out[i] > cell.clip ? cell.clip : (out[i] < -cell.clip ? -cell.clip : out[i]);
        if (mask) {
            const T* __restrict__ m = mask + b * s;
            T* __restrict__ kept = dropped + b * s;
            for (Count i = 0; i < s; ++i) kept[i] = out[i] * m[i];
        }
    }
}

// `grad` comes as dL/dh' and leaves as dL/dh; `grad_gates` becomes dL/da. `more`, times `mask` where there is one, and `given` are added to dL/dh' first
template <typename T>
static void retreat(const Cell<T>& cell, T* grad, const T* more, const T* mask, const T* given, const T* next, const T* gates, const T* state, T* grad_gates, T* work) {
    const Count s = cell.size, wide = 3 * s;
    for (Count b = 0; b < cell.trials; ++b) {
        T* __restrict__ g = grad + b * s;
        const T* __restrict__ z = gates + b * wide;
        const T* __restrict__ n = z + 2 * s;
        const T* __restrict__ h = state + b * s;
        T* __restrict__ dz = grad_gates + b * wide;
        T* __restrict__ dn = grad_gates + b * wide + 2 * s;
        if (more && mask) {
            for (Count i = 0; i < s; ++i) g[i] += more[b * s + i] * mask[b * s + i];
        } else if (more) {
            for (Count i = 0; i < s; ++i) g[i] += more[b * s + i];
        }
        if (given)
            for (Count i = 0; i < s; ++i) g[i] += given[b * s + i];
        if (std::isfinite(cell.clip))
            for (Count i = 0; i < s; ++i) g[i] = std::fabs(next[b * s + i]) < cell.clip ? g[i] : T(0);
        for (Count i = 0; i < s; ++i) {
            const T kept = g[i] * z[i];
            dn[i] = (g[i] - kept) * (T(1) - n[i] * n[i]);
            dz[i] = (h[i] - n[i]) * kept * (T(1) - z[i]);
            g[i] = kept;
        }
    }
    multiply_transposed<T>(cell.product, cell.trials, s, s, {grad_gates + 2 * s, wide}, {cell.weight + 2 * s, wide}, T(0), {work, s});
    for (Count b = 0; b < cell.trials; ++b) {
        T* __restrict__ g = grad + b * s;
        const T* __restrict__ r = gates + b * wide + s;
        const T* __restrict__ h = state + b * s;
        const T* __restrict__ w = work + b * s;
        T* __restrict__ dr = grad_gates + b * wide + s;
        for (Count i = 0; i < s; ++i) {
            const T through = w[i] * r[i];
            g[i] += through;
            dr[i] = through * h[i] * (T(1) - r[i]);
        }
    }
    multiply_transposed<T>(cell.product, cell.trials, s, 2 * s, {grad_gates, wide}, {cell.weight, wide}, T(1), {grad, s});
}

// The gradient of the recurrent weight over `rows` consecutive (bin, trial) pairs
template <typename T>
static void accumulate_recurrent(const Cell<T>& cell, Count rows, const T* states, const T* reset_states, const T* grad_gates, T* out) {
    const Count s = cell.size, wide = 3 * s;
    accumulate<T>(cell.product, rows, 2 * s, s, {states, s}, {grad_gates, wide}, {out, wide});
    accumulate<T>(cell.product, rows, s, s, {reset_states, s}, {grad_gates + 2 * s, wide}, {out + 2 * s, wide});
}

// -- a whole sequence --------------------------------------------------------------------------------------------------

template <typename T>
struct Sequence {  // of one network; `states` starts with the state before the first bin; weights' gradients start at zero
    Product<T> product;
    Count time, trials, inputs, size, chunk;
    T clip;
    const T *x, *wx, *wh, *bias;
    T *gates, *states, *reset_states;
    const T* grad_states;
    T *grad, *grad_gates, *grad_wx, *grad_wh, *grad_bias, *work;
};

template <typename T>
static void sequence_forward(const Sequence<T>& q) {
    const Cell<T> cell{q.product, q.wh, q.trials, q.size, q.clip};
    const Count step = q.trials * q.size, wide = 3 * q.size;
    for (Count t = 0; t < q.time; ++t) {
        T* gates = q.gates + 3 * t * step;
        multiply<T>(q.product, q.trials, wide, q.inputs, {q.x + t * q.trials * q.inputs, q.inputs}, {q.wx, wide}, T(0), {gates, wide});
        advance<T>(cell, T(1), {q.bias, 0}, gates, q.states + t * step, q.reset_states + t * step, q.states + (t + 1) * step, nullptr, nullptr);
    }
}

// `grad_gates` has room for `chunk` bins: whenever it is full the weights' gradients take it up, while it is in the cache
template <typename T>
static void sequence_backward(const Sequence<T>& q) {
    const Cell<T> cell{q.product, q.wh, q.trials, q.size, q.clip};
    const Count step = q.trials * q.size, wide = 3 * q.size;
    for (Count end = q.time; end > 0; end -= q.chunk) {
        const Count start = std::max<Count>(end - q.chunk, 0), rows = (end - start) * q.trials;
        for (Count t = end - 1; t >= start; --t)
            retreat<T>(cell, q.grad, q.grad_states + t * step, nullptr, nullptr, q.states + (t + 1) * step, q.gates + 3 * t * step, q.states + t * step,
                       q.grad_gates + 3 * (t - start) * step, q.work);
        accumulate<T>(q.product, rows, wide, q.inputs, {q.x + start * q.trials * q.inputs, q.inputs}, {q.grad_gates, wide}, {q.grad_wx, wide});
        accumulate_recurrent<T>(cell, rows, q.states + start * step, q.reset_states + start * step, q.grad_gates, q.grad_wh);
        accumulate_rows<T>(rows, wide, q.grad_gates, q.work, q.grad_bias);
    }
}

// -- the decoder -------------------------------------------------------------------------------------------------------

template <typename T>
struct Decoder {  // a null `c`: no controller. Other buffers that may be null: masks, noise, gradients that are zero
    Product<T> product;
    Count steps, trials, size, width, inputs, factors, chunk, constant_drive;
    T clip;
    const T *wg, *w_factors, *w_cf, *wc, *w_inputs, *b_inputs, *w_gu;
    const T *driven, *encoded, *noise, *factor_mask, *generator_mask;
    T *g, *gates, *reset_g, *dropped, *f;
    T *c, *gates_c, *reset_c, *posterior, *u, *scaled_noise, *seen;
    const T *grad_g, *grad_posterior, *grad_u, *grad_c;
    T *d_g, *d_gates, *d_f, *d_c, *d_gates_c, *d_posterior;
    T *d_wg, *d_w_factors, *d_w_cf, *d_wc, *d_w_inputs, *d_b_inputs, *d_w_gu, *d_driven, *work;
};

template <typename T>
static void factors_of(const Decoder<T>& d, Count t) {
    const Count step = d.trials * d.size, f = d.factors, step_f = d.trials * f;
    multiply<T>(d.product, d.trials, f, d.size, {d.dropped + t * step, d.size}, {d.w_factors, f}, T(0), {d.f + t * step_f, f});
    if (d.c && d.factor_mask && t < d.steps)
        for (Count i = t * step_f; i < (t + 1) * step_f; ++i) d.seen[i] = d.f[i] * d.factor_mask[i];
}

template <typename T>
static void decoder_forward(const Decoder<T>& d) {
    const Cell<T> generator{d.product, d.wg, d.trials, d.size, d.clip}, controller{d.product, d.wc, d.trials, d.width, d.clip};
    const Count n = d.trials, step = n * d.size, step_c = n * d.width, f = d.factors, k = d.inputs;
    if (d.generator_mask)
        for (Count i = 0; i < step; ++i) d.dropped[i] = d.g[i] * d.generator_mask[i];
    factors_of(d, 0);
    for (Count t = 0; t < d.steps; ++t) {
        if (d.c) {
            T* gates_c = d.gates_c + 3 * t * step_c;
            multiply<T>(d.product, n, 3 * d.width, f, {d.seen + t * n * f, f}, {d.w_cf, 3 * d.width}, T(0), {gates_c, 3 * d.width});
            T* next = d.c + (t + 1) * step_c;
            advance<T>(controller, T(1), {d.encoded + 3 * t * step_c, 3 * d.width}, gates_c, d.c + t * step_c, d.reset_c + t * step_c, next, nullptr, nullptr);
            T* posterior = d.posterior + t * n * 2 * k;
            multiply<T>(d.product, n, 2 * k, d.width, {next, d.width}, {d.w_inputs, 2 * k}, T(0), {posterior, 2 * k});
            for (Count b = 0; b < n; ++b) {
                T* p = posterior + b * 2 * k;
                for (Count i = 0; i < 2 * k; ++i) p[i] += d.b_inputs[i];
                for (Count i = 0, at = (t * n + b) * k; i < k; ++i, ++at) {
                    const T spread = d.noise ? exponential(p[k + i] / 2) * d.noise[at] : T(0);
                    if (d.noise) d.scaled_noise[at] = spread;
                    d.u[at] = p[i] + spread;
                }
            }
            multiply<T>(d.product, n, 3 * d.size, k, {d.u + t * n * k, k}, {d.w_gu, 3 * d.size}, T(0), {d.gates + 3 * t * step, 3 * d.size});
        }
        const Matrix<const T> drive = d.constant_drive ? Matrix<const T>{d.driven, 0} : Matrix<const T>{d.driven + 3 * t * step, 3 * d.size};
        const bool masked = d.generator_mask;
        advance<T>(generator, d.c ? T(1) : T(0), drive, d.gates + 3 * t * step, d.g + t * step, d.reset_g + t * step, d.g + (t + 1) * step,
                   masked ? d.generator_mask + (t + 1) * step : nullptr, masked ? d.dropped + (t + 1) * step : nullptr);
        factors_of(d, t + 1);
    }
}

// One bin back through the controller: from dL/da of the generator to d_posterior, d_gates_c, d_c and d_factors
template <typename T>
static void controller_backward(const Decoder<T>& d, const Cell<T>& controller, Count t, const T* d_gates, T* through) {
    const Count n = d.trials, step_c = n * d.width, f = d.factors, k = d.inputs;
    T* d_posterior = d.d_posterior + t * n * 2 * k;
    multiply_transposed<T>(d.product, n, k, 3 * d.size, {d_gates, 3 * d.size}, {d.w_gu, 3 * d.size}, T(0), {d_posterior, 2 * k});
    for (Count b = 0; b < n; ++b) {
        T* p = d_posterior + b * 2 * k;
        for (Count i = 0, at = (t * n + b) * k; i < k; ++i, ++at) {
            if (d.grad_u) p[i] += d.grad_u[at];
            p[k + i] = d.scaled_noise ? p[i] * d.scaled_noise[at] / 2 : T(0);
        }
        if (d.grad_posterior)
            for (Count i = 0; i < 2 * k; ++i) p[i] += d.grad_posterior[(t * n + b) * 2 * k + i];
    }
    multiply_transposed<T>(d.product, n, d.width, 2 * k, {d_posterior, 2 * k}, {d.w_inputs, 2 * k}, T(1), {d.d_c, d.width});
    T* d_gates_c = d.d_gates_c + 3 * t * step_c;
    retreat<T>(controller, d.d_c, nullptr, nullptr, d.grad_c ? d.grad_c + t * step_c : nullptr, d.c + (t + 1) * step_c, d.gates_c + 3 * t * step_c, d.c + t * step_c, d_gates_c, d.work);
    T* d_factors = d.d_f + t * n * f;
    const T* mask = d.factor_mask ? d.factor_mask + t * n * f : nullptr;
    multiply_transposed<T>(d.product, n, f, 3 * d.width, {d_gates_c, 3 * d.width}, {d.w_cf, 3 * d.width}, mask ? T(0) : T(1), {mask ? through : d_factors, f});
    if (mask)
        for (Count i = 0; i < n * f; ++i) d_factors[i] += through[i] * mask[i];
}

// The gradients of all weights over bins start ... end − 1
template <typename T>
static void decoder_accumulate(const Decoder<T>& d, const Cell<T>& generator, const Cell<T>& controller, Count start, Count end, const T* d_gates) {
    const Count n = d.trials, step = n * d.size, step_c = n * d.width, f = d.factors, k = d.inputs, rows = (end - start) * n;
    accumulate_recurrent<T>(generator, rows, d.g + start * step, d.reset_g + start * step, d_gates, d.d_wg);
    accumulate<T>(d.product, rows, f, d.size, {d.dropped + (start + 1) * step, d.size}, {d.d_f + (start + 1) * n * f, f}, {d.d_w_factors, f});
    if (d.constant_drive) accumulate_rows<T>(rows, 3 * d.size, d_gates, d.work, d.d_driven);
    if (!d.c) return;
    const T *d_gates_c = d.d_gates_c + 3 * start * step_c, *d_posterior = d.d_posterior + start * n * 2 * k;
    accumulate_recurrent<T>(controller, rows, d.c + start * step_c, d.reset_c + start * step_c, d_gates_c, d.d_wc);
    accumulate<T>(d.product, rows, 3 * d.width, f, {d.seen + start * n * f, f}, {d_gates_c, 3 * d.width}, {d.d_w_cf, 3 * d.width});
    accumulate<T>(d.product, rows, 2 * k, d.width, {d.c + (start + 1) * step_c, d.width}, {d_posterior, 2 * k}, {d.d_w_inputs, 2 * k});
    accumulate_rows<T>(rows, 2 * k, d_posterior, d.work, d.d_b_inputs);
    accumulate<T>(d.product, rows, 3 * d.size, k, {d.u + start * n * k, k}, {d_gates, 3 * d.size}, {d.d_w_gu, 3 * d.size});
}

template <typename T>
static void decoder_backward(const Decoder<T>& d) {
    const Cell<T> generator{d.product, d.wg, d.trials, d.size, d.clip}, controller{d.product, d.wc, d.trials, d.width, d.clip};
    const Count n = d.trials, step = n * d.size, f = d.factors;
    T* through = d.work + n * std::max(d.size, d.width);
    for (Count end = d.steps; end > 0; end -= d.chunk) {
        const Count start = std::max<Count>(end - d.chunk, 0);
        for (Count t = end - 1; t >= start; --t) {
            T* d_gates = d.d_gates + 3 * (t - start) * step;
            multiply_transposed<T>(d.product, n, d.size, f, {d.d_f + (t + 1) * n * f, f}, {d.w_factors, f}, T(0), {d.work, d.size});
            retreat<T>(generator, d.d_g, d.work, d.generator_mask ? d.generator_mask + (t + 1) * step : nullptr, d.grad_g ? d.grad_g + t * step : nullptr, d.g + (t + 1) * step,
                       d.gates + 3 * t * step, d.g + t * step, d_gates, d.work);
            if (d.c) controller_backward(d, controller, t, d_gates, through);
        }
        decoder_accumulate(d, generator, controller, start, end, d.d_gates);
    }
    accumulate<T>(d.product, n, f, d.size, {d.dropped, d.size}, {d.d_f, f}, {d.d_w_factors, f});
    multiply_transposed<T>(d.product, n, d.size, f, {d.d_f, f}, {d.w_factors, f}, T(0), {d.work, d.size});
    for (Count i = 0; i < step; ++i) d.d_g[i] += d.generator_mask ? d.work[i] * d.generator_mask[i] : d.work[i];
}

template <typename T>
static void keep_mask(const std::int16_t* drawn, Count count, int threshold, T scale, T* mask) {
    for (Count i = 0; i < count; ++i) mask[i] = drawn[i] < threshold ? scale : T(0);
}

extern "C" {
void keep_mask_float(const std::int16_t* drawn, Count count, int threshold, double scale, float* mask) { keep_mask<float>(drawn, count, threshold, static_cast<float>(scale), mask); }
void keep_mask_double(const std::int16_t* drawn, Count count, int threshold, double scale, double* mask) { keep_mask<double>(drawn, count, threshold, scale, mask); }
void sequence_forward_float(const Sequence<float>* q) { sequence_forward(*q); }
void sequence_forward_double(const Sequence<double>* q) { sequence_forward(*q); }
void sequence_backward_float(const Sequence<float>* q) { sequence_backward(*q); }
void sequence_backward_double(const Sequence<double>* q) { sequence_backward(*q); }
void decoder_forward_float(const Decoder<float>* d) { decoder_forward(*d); }
void decoder_forward_double(const Decoder<double>* d) { decoder_forward(*d); }
void decoder_backward_float(const Decoder<float>* d) { decoder_backward(*d); }
void decoder_backward_double(const Decoder<double>* d) { decoder_backward(*d); }
}
