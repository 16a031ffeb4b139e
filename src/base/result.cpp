// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/result.hpp"

#include <system_error>

namespace flyball {

Error errno_error(ErrorKind kind, std::string_view doing, int errnum, std::string hint)
{
    return Error{kind, std::string(doing) + ": " + std::generic_category().message(errnum), std::move(hint)};
}

}  // namespace flyball
