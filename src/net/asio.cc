// SPDX-License-Identifier: Apache-2.0
// The one translation unit that contains Asio's compiled part.
#include <boost/asio/impl/src.hpp>
