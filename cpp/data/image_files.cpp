#include "data/image_files.h"

#include <fcntl.h>
#include <unistd.h>

namespace fastnn {

namespace {
constexpr std::size_t most = std::size_t{1} << 20;  // a full reader is as fast where decoding outweighs the opening
}  // namespace

std::size_t ImageReader::fill(const char* path) {
    if (file_.empty()) file_.resize(most + 1);
    const int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0) return 0;
    const ssize_t size = ::read(file, file_.data(), file_.size());
    close(file);
    // A short read of a regular file is all of it; what was cut short nevertheless has no end that PngDecoder takes.
    return size > 0 && static_cast<std::size_t>(size) <= most ? static_cast<std::size_t>(size) : 0;
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
