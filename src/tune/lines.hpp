// SPDX-License-Identifier: Apache-2.0
// Lines out of bytes that arrive in any pieces. Memory is bounded: of a line that is too long the beginning is kept.
// Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace flyball::tune {

class LineCutter {
public:
    // most: bytes of a line that are kept, without its newline.
    explicit LineCutter(std::size_t most) : most_(most) {}

    // Calls each(line, whole) for every line that ends in `bytes`, without its newline and a carriage return before it.
    // whole is false for a line that was too long; the line is then its beginning.
    template <class Each>
    void feed(std::string_view bytes, Each&& each)
    {
        for (;;) {
            const auto end = bytes.find('\n');
            if (end == std::string_view::npos)
                break;
            finish(bytes.substr(0, end), each);
            bytes.remove_prefix(end + 1);
        }
        keep(bytes);
    }

private:
    // One byte more than a line may have tells that it was too long, and a carriage return does not count.
    [[nodiscard]] std::size_t room() const { return most_ + 2 - std::min(most_ + 2, begun_.size()); }
    void keep(std::string_view piece) { begun_.append(piece.substr(0, room())); }

    template <class Each>
    void finish(std::string_view piece, Each& each)
    {
        if (begun_.empty()) {
            give(piece, each);
            return;
        }
        keep(piece);
        give(begun_, each);
        begun_.clear();
    }
    template <class Each>
    void give(std::string_view line, Each& each)
    {
        // A line of most_ + 2 bytes may have lost some, so that its last byte is not the last of the line.
        if (line.size() < most_ + 2 && line.ends_with('\r'))
            line.remove_suffix(1);
        each(line.substr(0, most_), line.size() <= most_);
    }

    std::size_t most_;
    std::string begun_;
};

}  // namespace flyball::tune
