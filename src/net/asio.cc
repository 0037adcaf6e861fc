// The one translation unit that holds Asio's compiled part.
#include <boost/asio/impl/src.hpp>
