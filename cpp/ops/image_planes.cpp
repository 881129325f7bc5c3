#include "ops/image_planes.h"

#include <algorithm>
#include <cstring>

#include "core/aligned_buffer.h"
#include "kernels/dispatch.h"

namespace fastnn {

namespace {

// Samples side by side fill the tiles' columns; more would only use more of the caches.
constexpr std::int64_t most_together = 8, most_bytes = 256 << 10;

// Lines of samples side by side, with zeros between them and in front, so that no tap leaves a sample's own.
struct Line {
    Line(const std::vector<std::int64_t>& offsets, std::int64_t source, std::int64_t results) {
        const auto [least, most] = std::minmax_element(offsets.begin(), offsets.end());
        lead = std::max<std::int64_t>(-*least, 0);
        const std::int64_t behind = std::max(lead, results - source + *most);
        pitch = std::max(source + std::max<std::int64_t>(behind, 0), results);
    }
    std::int64_t lead, pitch;
};

template <typename T>
class Planes {
public:
    Planes(const ImageProduct& product, std::int64_t group, std::int64_t samples)
        : p_(product), group_(group), line_(p_.column_offsets, p_.source.width, p_.result.width) {
        along_row_ = p_.k == 1 && p_.column_offsets.size() > 1;
        together_ = choose_together(samples);
        row_ = line_.lead + together_ * line_.pitch;
        plane_ = (p_.source.height * row_ + 15) / 16 * 16 + 16;  // at distances that do not meet in the caches' sets
        const std::int64_t ahead = computed(1) + line_.pitch;
        const std::size_t bytes = static_cast<std::size_t>(p_.k * plane_ + ahead) * sizeof(T);
        memory().grow(bytes);
        if (line_.lead > 0 || line_.pitch > p_.source.width) std::memset(memory().data(), 0, bytes);
        make_runs();
    }

    void multiply(Range samples) {
        for (std::int64_t first = samples.begin; first < samples.end; first += together_)
            multiply_some({first, std::min(first + together_, samples.end)});
    }

private:
    // So many that the least of the tiles' columns are no results.
    std::int64_t choose_together(std::int64_t samples) const {
        const std::int64_t bytes = p_.k * p_.source.height * line_.pitch * static_cast<std::int64_t>(sizeof(T));
        const std::int64_t most = std::clamp<std::int64_t>(most_bytes / std::max<std::int64_t>(bytes, 1), 1,
                                                           std::min(samples, most_together));
        std::int64_t best = 1;
        for (std::int64_t count = 2; count <= most; ++count) {
            if (computed(count) * best <= computed(best) * count) best = count;
        }
        return best;
    }

    // Places, for so many samples.
    std::int64_t computed(std::int64_t count) const {
        return kernels<T>().places_computed((count - 1) * line_.pitch + p_.result.width);
    }

    T* first_place() const { return static_cast<T*>(memory().data()) + line_.lead; }

    void multiply_some(Range samples) {
        lay_out(samples);
        PlanesArgs<T> args{};
        args.weight = static_cast<const T*>(p_.weight) + group_ * p_.group_stride;
        args.weight_row = p_.n_stride;
        args.weight_column = along_row_ ? p_.tap_stride : p_.k_stride;
        args.plane = along_row_ ? p_.column_offsets[1] - p_.column_offsets[0] : plane_;
        args.m = p_.n;
        args.k = along_row_ ? p_.kernel_columns : p_.k;
        args.places = (samples.end - samples.begin - 1) * line_.pitch + p_.result.width;
        args.pitch = line_.pitch;
        args.width = p_.result.width;
        args.bias = p_.bias ? static_cast<const T*>(p_.bias) + group_ * p_.n : nullptr;
        args.relu = p_.relu;
        args.line = p_.result.sample();
        args.pixel = p_.result.pixel;
        T* const result = static_cast<T*>(p_.result.data) + samples.begin * p_.result.sample() + group_ * p_.n;
        for (std::int64_t row = 0; row < p_.result.height; ++row) {
            const Range met = taps_of(row);
            args.runs = runs_.data() + met.begin;
            args.run_count = met.end - met.begin;
            args.planes = first_place() + row * row_;
            args.result = result + row * p_.result.row();
            kernels<T>().planes_product(args);
        }
    }

    // The runs of all taps, as the first row of results meets rows of planes.
    void make_runs() {
        const std::size_t columns = p_.column_offsets.size();
        for (std::size_t i = 0; i < p_.row_offsets.size(); ++i) {
            for (std::size_t j = 0; j < (along_row_ ? 1 : columns); ++j)
                runs_.push_back({static_cast<std::int64_t>(i * columns + j) * p_.tap_stride,
                                 p_.row_offsets[i] * row_ + p_.column_offsets[j]});
        }
    }

    // Those by which a row of results meets rows of the image: side by side, as the taps go one way.
    Range taps_of(std::int64_t row) const {
        const auto rows = static_cast<std::int64_t>(p_.row_offsets.size());
        const auto inside = [&](std::int64_t tap) {
            const std::int64_t met = row + p_.row_offsets[static_cast<std::size_t>(tap)];
            return 0 <= met && met < p_.source.height;
        };
        Range met{0, rows};
        while (met.begin < rows && !inside(met.begin)) ++met.begin;
        while (met.end > met.begin && !inside(met.end - 1)) --met.end;
        const std::int64_t each = static_cast<std::int64_t>(runs_.size()) / rows;
        return {met.begin * each, met.end * each};
    }

    void lay_out(Range samples) const {
        for (std::int64_t sample = samples.begin; sample < samples.end; ++sample) {
            const T* const image = static_cast<const T*>(p_.source.data) + sample * p_.source.sample() + group_ * p_.k;
            T* const to = first_place() + (sample - samples.begin) * line_.pitch;
            for (std::int64_t row = 0; row < p_.source.height; ++row)
                kernels<T>().turn_to_planes(p_.source.width, p_.k, image + row * p_.source.row(), p_.source.pixel,
                                            to + row * row_, plane_);
        }
    }

    static AlignedBuffer& memory() {
        thread_local AlignedBuffer buffer;
        return buffer;
    }

    const ImageProduct& p_;
    const std::int64_t group_;
    const Line line_;
    bool along_row_ = false;  // of a single channel: a run goes over the taps of a row of the kernel
    std::int64_t together_ = 1, row_ = 0, plane_ = 0;
    std::vector<GemmRun> runs_;
};

}  // namespace

template <typename T>
bool planes_pay(const ImageProduct& p) {
    return !p.row_offsets.empty() && p.n <= most_plane_channels && 4 * p.n <= kernels<T>().panel &&
           kernels<T>().panel >= least_planes_panel && p.k > 0 && p.result.height > 0 && p.result.width > 0 &&
           frame_pays(Line(p.column_offsets, p.source.width, p.result.width).pitch, p.source.width, p.result.width);
}

template <typename T>
void multiply_planes(const ImageProduct& product, std::int64_t group, Range samples) {
    if (samples.begin < samples.end) Planes<T>(product, group, samples.end - samples.begin).multiply(samples);
}

template bool planes_pay<float>(const ImageProduct&);
template bool planes_pay<double>(const ImageProduct&);
template void multiply_planes<float>(const ImageProduct&, std::int64_t, Range);
template void multiply_planes<double>(const ImageProduct&, std::int64_t, Range);

}  // namespace fastnn
