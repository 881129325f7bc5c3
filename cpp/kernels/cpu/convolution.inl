// Patches of images, for products with them: contract in kernel_table.h.

template <typename T>
void gather_patches(std::int64_t m, const T* source, const std::int64_t* rows, const GemmRun* runs,
                    std::int64_t run_count, std::int64_t length, T* patches, std::int64_t patch_row) {
    using V = Vec<T>;
    for (std::int64_t i = 0; i < m; ++i) {
        T* patch = patches + i * patch_row;
        for (std::int64_t j = 0; j < run_count; ++j, patch += length) {
            const T* const run = source + rows[i] + runs[j].a;
            std::int64_t at = 0;
            for (; at + V::lanes <= length; at += V::lanes) V::load(run + at).store(patch + at);
            if (at < length) V::load_partial(run + at, length - at).store(patch + at);
        }
    }
}
