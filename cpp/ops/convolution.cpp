#include "ops/convolution.h"

#include <algorithm>

#include "core/check.h"
#include "kernels/dispatch.h"
#include "ops/matmul.h"

namespace fastnn {

namespace {

constexpr const char* conv2d_name = "conv2d";

Facts with_window(Facts facts) {
    return facts.attribute("stride", Argument::Kind::integers)
        .attribute("padding", Argument::Kind::integers)
        .attribute("dilation", Argument::Kind::integers)
        .attribute("groups", Argument::Kind::integer);
}

}  // namespace

const Facts conv2d_facts = with_window(Facts("conv2d").array("x").array("weight").optional_array("bias"))
                               .attribute("relu", false)
                               .ends_with("relu");
const Facts conv2d_grad_x_facts =
    with_window(Facts("conv2d_grad_x").array("grad_y").array("weight").attribute("size", Argument::Kind::integers));
const Facts conv2d_grad_weight_facts =
    with_window(
        Facts("conv2d_grad_weight").array("grad_y").array("x").attribute("kernel_size", Argument::Kind::integers))
        .updated_by("conv2d_update", false);
const Facts conv2d_grad_bias_facts =
    Facts("conv2d_grad_bias").array("grad_y").cut(samples).updated_by("conv2d_bias_update", false);

std::vector<std::int64_t> Convolution::x_shape() const {
    return {samples, channels, window.rows.size, window.columns.size};
}
std::vector<std::int64_t> Convolution::weight_shape() const {
    return {outputs, group_channels(), window.rows.kernel, window.columns.kernel};
}
std::vector<std::int64_t> Convolution::y_shape() const {
    return {samples, outputs, window.rows.outputs, window.columns.outputs};
}

double Convolution::cost() const {
    return product_cost(samples * window.rows.outputs * window.columns.outputs, outputs, taps() * group_channels());
}

namespace {

void check_images(const char* name, const TensorView& images) {
    check_real(conv2d_name, name, images);
    if (images.rank == 4) return;
    fail(Fault{"conv2d.rank", {{"shape", shape_text(images)}}}, conv2d_name, name, " has shape ", shape_text(images),
         ": images are (N, C, H, W)",
         images.rank == 3   ? "; a batch of one image or of grey images needs unsqueeze(0) or unsqueeze(1)"
         : images.rank == 2 ? "; rows of pixels need view(-1, 1, 28, 28) or the like"
                            : "");
}

// What helps to see why channels do not fit.
std::string channels_hint(const TensorView& x, std::int64_t channels) {
    const std::int64_t found = x.shape[1], last = x.shape[3];
    if (last == channels && (last == 1 || last == 3))
        return "; its last dimension is: channels last? use x.permute(0, 3, 1, 2), (N, C, H, W)";
    if (found == 1 && channels == 3)
        return "; a grey image for a network of 3 channels: Grayscale(3), or a first layer of 1 channel";
    if (found == 3 && channels == 1)
        return "; a colour image for a network of 1 channel: Grayscale(), or a first layer of 3 channels";
    return "";
}

void check_channels(const TensorView& x, const TensorView& weight, std::int64_t groups) {
    if (groups < 1) fail(conv2d_name, "groups is ", groups, "; it must be at least 1");
    const std::int64_t channels = checked_product(conv2d_name, weight.shape[1], groups);
    if (x.shape[1] != channels) {
        fail(Fault{"conv2d.channels", {{"expected", channels}, {"got", x.shape[1]}, {"shape", shape_text(x)}}},
             conv2d_name, "expected ", channels, channels == 1 ? " channel" : " channels", ", got ", x.shape[1],
             ": x has shape ", shape_text(x), " (N, C, H, W), weight ", shape_text(weight), channels_hint(x, channels));
    }
}

void check_groups(std::int64_t channels, std::int64_t outputs, std::int64_t groups) {
    if (groups < 1) fail(conv2d_name, "groups is ", groups, "; it must be at least 1");
    if (outputs < 1) fail(conv2d_name, "the weight has 0 outputs; it must have at least 1");
    if (channels % groups != 0 || outputs % groups != 0)
        fail(Fault{"conv2d.groups", {{"groups", groups}, {"channels", channels}, {"outputs", outputs}}}, conv2d_name,
             groups, " groups do not divide ", channels, " input and ", outputs, " output channels evenly");
}

Window checked_window(std::int64_t height, std::int64_t width, std::int64_t kernel_rows, std::int64_t kernel_columns,
                      const ConvolutionSettings& settings) {
    return window_of(conv2d_name, height, width,
                     {{kernel_rows, kernel_columns}, settings.stride, settings.padding, settings.dilation});
}

void check_size(const char* name, const TensorView& grad_y, const Convolution& sizes) {
    const std::vector<std::int64_t> wanted = sizes.y_shape();
    if (std::equal(wanted.begin(), wanted.end(), grad_y.shape.begin())) return;
    fail(conv2d_name, name, " has shape ", shape_text(grad_y), ", it must be (", wanted[0], ", ", wanted[1], ", ",
         wanted[2], ", ", wanted[3], ")");
}

}  // namespace

Convolution conv2d_check(const TensorView& x, const TensorView& weight, const TensorView* bias,
                         const ConvolutionSettings& settings) {
    check_images("x", x);
    check_dtype(conv2d_name, "weight", weight, x.dtype);
    check_rank(conv2d_name, "weight", weight, 4);
    check_channels(x, weight, settings.groups);
    check_groups(x.shape[1], weight.shape[0], settings.groups);
    if (bias != nullptr) {
        check_dtype(conv2d_name, "bias", *bias, x.dtype);
        if (bias->rank != 1 || bias->shape[0] != weight.shape[0])
            fail(conv2d_name, "bias has shape ", shape_text(*bias), ", weight has ", weight.shape[0], " outputs");
    }
    return {x.shape[0], x.shape[1], weight.shape[0], settings.groups,
            checked_window(x.shape[2], x.shape[3], weight.shape[2], weight.shape[3], settings)};
}

Convolution conv2d_grad_x_check(const TensorView& grad_y, const TensorView& weight,
                                const std::vector<std::int64_t>& size, const ConvolutionSettings& settings) {
    check_images("grad_y", grad_y);
    check_dtype(conv2d_name, "weight", weight, grad_y.dtype);
    check_rank(conv2d_name, "weight", weight, 4);
    check_groups(weight.shape[0], weight.shape[0], settings.groups);
    if (size.size() != 2 || size[0] < 0 || size[1] < 0)
        fail(conv2d_name, "the size of an image is two numbers, rows and columns");
    const Convolution sizes = {grad_y.shape[0], checked_product(conv2d_name, weight.shape[1], settings.groups),
                               weight.shape[0], settings.groups,
                               checked_window(size[0], size[1], weight.shape[2], weight.shape[3], settings)};
    check_size("grad_y", grad_y, sizes);
    return sizes;
}

Convolution conv2d_grad_weight_check(const TensorView& grad_y, const TensorView& x,
                                     const std::vector<std::int64_t>& kernel, const ConvolutionSettings& settings) {
    check_images("grad_y", grad_y);
    check_images("x", x);
    check_dtype(conv2d_name, "x", x, grad_y.dtype);
    check_groups(x.shape[1], grad_y.shape[1], settings.groups);
    if (kernel.size() != 2) fail(conv2d_name, "the size of a kernel is two numbers, rows and columns");
    const Convolution sizes = {x.shape[0], x.shape[1], grad_y.shape[1], settings.groups,
                               checked_window(x.shape[2], x.shape[3], kernel[0], kernel[1], settings)};
    check_size("grad_y", grad_y, sizes);
    return sizes;
}

void conv2d_grad_bias_check(const TensorView& grad_y) { check_images("grad_y", grad_y); }

namespace {

ImageSide side_of(const TensorView& images) { return {images.data, images.shape[2], images.shape[3], images.shape[1]}; }

ImageProduct product_of(const Convolution& sizes, const TensorView& source, const TensorView& weight,
                        const TensorView& result) {
    ImageProduct product;
    product.dtype = source.dtype;
    product.samples = sizes.samples;
    product.groups = sizes.groups;
    product.source = side_of(source);
    product.result = side_of(result);
    product.weight = weight.data;
    product.taps = sizes.taps();
    product.kernel_columns = sizes.window.columns.kernel;
    product.tap_stride = sizes.group_channels() * sizes.outputs;
    product.group_stride = sizes.outputs / sizes.groups;
    return product;
}

}  // namespace

namespace {

// By each tap, what output (or input) 0 meets.
std::vector<std::int64_t> offsets_of(const Axis& axis, std::int64_t direction) {
    std::vector<std::int64_t> offsets;
    for (std::int64_t tap = 0; tap < axis.kernel; ++tap)
        offsets.push_back(direction * (tap * axis.dilation - axis.before));
    return offsets;
}

void set_offsets(ImageProduct& product, const Window& window, std::int64_t direction) {
    if (window.rows.stride != 1 || window.columns.stride != 1) return;
    product.row_offsets = offsets_of(window.rows, direction);
    product.column_offsets = offsets_of(window.columns, direction);
}

}  // namespace

ImageProduct conv2d(const Convolution& sizes, const TensorView& x, const TensorView& weight, const TensorView& y) {
    ImageProduct product = product_of(sizes, x, weight, y);
    const Axis &rows = sizes.window.rows, &columns = sizes.window.columns;
    product.k = sizes.group_channels();
    product.n = sizes.outputs / sizes.groups;
    product.k_stride = sizes.outputs;
    product.n_stride = 1;
    product.rows = parts_of_outputs(rows);
    product.columns = parts_of_outputs(columns);
    set_offsets(product, sizes.window, 1);
    Axis framed_rows = rows, framed_columns = columns;
    for (Axis* axis : {&framed_rows, &framed_columns}) {
        axis->size += axis->before + axis->behind;
        axis->before = axis->behind = 0;
    }
    if (product.rows.size() * product.columns.size() > 1 &&
        frame_pays(framed_rows.size * framed_columns.size, rows.size * columns.size, rows.outputs * columns.outputs)) {
        product.top = rows.before;
        product.left = columns.before;
        product.framed_height = framed_rows.size;
        product.framed_width = framed_columns.size;
        product.framed_rows = parts_of_outputs(framed_rows);
        product.framed_columns = parts_of_outputs(framed_columns);
    }
    return product;
}

ImageProduct conv2d_grad_x(const Convolution& sizes, const TensorView& grad_y, const TensorView& weight,
                           const TensorView& grad_x) {
    ImageProduct product = product_of(sizes, grad_y, weight, grad_x);
    product.k = sizes.outputs / sizes.groups;
    product.n = sizes.group_channels();
    product.k_stride = 1;
    product.n_stride = sizes.outputs;
    if (grad_x.empty()) return product;
    product.rows = parts_of_inputs(sizes.window.rows);
    product.columns = parts_of_inputs(sizes.window.columns);
    set_offsets(product, sizes.window, -1);
    return product;
}

void conv2d_sample_sums(Range some, const TensorView& grad_y, double* sums) {
    dispatch_real(grad_y.dtype, [&](auto zero) {
        using T = decltype(zero);
        const ImageSide side = side_of(grad_y);
        kernels<T>().channel_sums(some.end - some.begin, side.height * side.width, side.pixel,
                                  grad_y.as<T>() + some.begin * side.sample(), sums + some.begin * side.pixel);
    });
}

void conv2d_grad_bias(const TensorView& grad_y, const double* sums, const TensorView& grad_bias) {
    dispatch_real(grad_y.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t channels = grad_y.shape[1];
        std::vector<double> total(static_cast<std::size_t>(channels));
        kernels<double>().column_sums(grad_y.shape[0], channels, sums, channels, total.data());
        std::transform(total.begin(), total.end(), grad_bias.as<T>(), [](double sum) { return static_cast<T>(sum); });
    });
}

}  // namespace fastnn
