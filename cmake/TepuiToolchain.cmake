# SPDX-License-Identifier: Apache-2.0
# Compiler settings that hold for the whole tree.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 17)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Asserts stay on in every build: they state what the cores rely on and cost little.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_C_FLAGS_RELEASE "-O2")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")

find_program(TEPUI_CCACHE ccache)
if(TEPUI_CCACHE)
  # Precompiled headers need the sloppiness, or every unit that uses one misses the cache. With the base directory the
  # compiler sees relative paths, so that a checkout in another folder finds what this one has compiled.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${TEPUI_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()

find_program(TEPUI_MOLD mold)
if(TEPUI_MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_link_options(-fuse-ld=mold)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld)
endif()

set(TEPUI_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them (address,undefined or thread)")
if(TEPUI_SANITIZE)
  add_compile_options(-fsanitize=${TEPUI_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TEPUI_SANITIZE})
endif()

# For programs, not libraries and not tests. Messages are made by one thread and freed by another all day, and glibc's
# malloc makes such threads wait for each other and grows their heaps page by page (docs/performance-history.md). A sanitizer
# brings its own.
add_library(tepui_malloc INTERFACE)
if(NOT TEPUI_SANITIZE)
  find_library(TEPUI_JEMALLOC jemalloc REQUIRED)
  target_link_libraries(tepui_malloc INTERFACE ${TEPUI_JEMALLOC})
endif()

add_library(tepui_warnings INTERFACE)
target_compile_options(tepui_warnings INTERFACE -Wall -Wextra -Wpedantic -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Members that a mutex guards are used under it (src/base/mutex.h).
  target_compile_options(tepui_warnings INTERFACE -Wthread-safety)
endif()
