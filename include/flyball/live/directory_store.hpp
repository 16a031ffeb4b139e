// SPDX-License-Identifier: Apache-2.0
// A calibration's measurements as files of a directory. Not thread-safe.
#pragma once

#include "flyball/calibrate/engine.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace flyball::live {

class DirectoryStore final : public calibrate::Store {
public:
    enum class Mode { GoOn, Anew, Existing };
    // Makes it, or empties it first, or takes it as it is. Usage: it is not there where it has to be, or is not that of
    // a calibration of this specification.
    [[nodiscard]] static Result<DirectoryStore> open(const std::string& directory, std::string_view specification,
                                                     Mode mode);

    Result<std::optional<std::string>> get(const std::string& name) override;
    // Written beside and renamed: whole, or not at all, also after a crash.
    Result<> put(const std::string& name, std::string_view text) override;

    [[nodiscard]] const std::string& directory() const { return directory_; }
    // Something was there: it goes on.
    [[nodiscard]] bool goes_on() const { return goes_on_; }

private:
    DirectoryStore(std::string directory, bool goes_on) : directory_(std::move(directory)), goes_on_(goes_on) {}

    std::string directory_;
    bool goes_on_;
};

}  // namespace flyball::live
