# SPDX-License-Identifier: Apache-2.0
# ZooKeeper's C client with threads of its own: target ZooKeeper::Client. Debian's package has no pkg-config file.
find_path(ZOOKEEPER_INCLUDE_DIR zookeeper/zookeeper.h)
find_library(ZOOKEEPER_LIBRARY zookeeper_mt)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ZooKeeper REQUIRED_VARS ZOOKEEPER_LIBRARY ZOOKEEPER_INCLUDE_DIR)
if(ZooKeeper_FOUND AND NOT TARGET ZooKeeper::Client)
  add_library(ZooKeeper::Client UNKNOWN IMPORTED)
  set_target_properties(ZooKeeper::Client PROPERTIES
    IMPORTED_LOCATION ${ZOOKEEPER_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${ZOOKEEPER_INCLUDE_DIR}
    INTERFACE_COMPILE_DEFINITIONS THREADED)
endif()
mark_as_advanced(ZOOKEEPER_INCLUDE_DIR ZOOKEEPER_LIBRARY)
