#include "data/image_files.h"

#include "core/platform.h"

namespace fastnn {

namespace {
constexpr std::size_t most = std::size_t{1} << 20;  // a full reader is as fast where decoding outweighs the opening
}  // namespace

std::size_t ImageReader::fill(const char* path) {
    if (file_.empty()) file_.resize(most + 1);
    const std::size_t size = read_file(path, file_.data(), file_.size());
    return size <= most ? size : 0;  // what was cut short has no end that PngDecoder takes
}

bool ImageReader::read(const char* path, const ImageShape& shape, std::uint8_t* out) {
    const std::size_t size = fill(path);
    return size > 0 && decoder_.decode(file_.data(), size, shape, out);
}

bool ImageReader::size(const char* path, std::int64_t& height, std::int64_t& width) {
    const std::size_t size = fill(path);  // first: it makes the buffer
    return png_size(file_.data(), size, height, width);
}

}  // namespace fastnn
