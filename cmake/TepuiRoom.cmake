# SPDX-License-Identifier: Apache-2.0
# The rooms of src/floors.txt as CMake targets.

# Sets `out` to the rooms of src/floors.txt, in its order.
function(tepui_rooms out)
  set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/floors.txt)
  file(STRINGS ${CMAKE_SOURCE_DIR}/src/floors.txt lines REGEX "^[0-9]")
  set(rooms)
  foreach(line ${lines})
    string(REGEX MATCH "^[0-9.]+ +([a-z0-9_/]+)" matched "${line}")
    list(APPEND rooms ${CMAKE_MATCH_1})
  endforeach()
  set(${out} ${rooms} PARENT_SCOPE)
endfunction()

# The names of rooms in `names` become their targets; other names are kept.
function(tepui_targets out names)
  tepui_rooms(rooms)
  set(targets)
  foreach(name ${names})
    if(name IN_LIST rooms)
      string(REPLACE "/" "_" name tepui_${name})
    endif()
    list(APPEND targets ${name})
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()

# tepui_room([PROTO] [FUZZED] [LONG_TESTS] [USES <room or target>...] [TEST_USES <room or target>...])
#
# The caller's folder is a room of src/floors.txt. Makes library tepui_<room> of every *.cc beside the caller that is not
# a test, and executable <room>_test of every *_test.cc; a slash in the room's name is an underscore in theirs. PROTO: the
# room sees the wire schema through the shared precompiled header, which saves seconds a translation unit. FUZZED: a fuzz
# target runs the room's code. LONG_TESTS: the tests run for minutes, so that it pays to optimize them.
function(tepui_room)
  cmake_parse_arguments(ARG "PROTO;FUZZED;LONG_TESTS" "" "USES;TEST_USES" ${ARGN})
  file(RELATIVE_PATH room ${CMAKE_SOURCE_DIR}/src ${CMAKE_CURRENT_SOURCE_DIR})
  string(REPLACE "/" "_" name ${room})
  tepui_targets(uses "${ARG_USES}")
  tepui_targets(test_uses "${ARG_TEST_USES}")
  file(GLOB sources CONFIGURE_DEPENDS "*.cc")
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")

  set(lib tepui_${name})
  if(sources)
    add_library(${lib} STATIC ${sources})
    target_include_directories(${lib} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
    target_link_libraries(${lib} PUBLIC ${uses} PRIVATE tepui_warnings)
    if(ARG_PROTO)
      target_link_libraries(${lib} PUBLIC tepui_proto)
      target_precompile_headers(${lib} REUSE_FROM tepui_proto_pch)
    endif()
    if(ARG_FUZZED)
      tepui_trace_coverage(${lib})
    endif()
  else()
    add_library(${lib} INTERFACE)
    target_include_directories(${lib} INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
    target_link_libraries(${lib} INTERFACE ${uses})
    if(ARG_PROTO)
      target_link_libraries(${lib} INTERFACE tepui_proto)
    endif()
  endif()

  if(TEPUI_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${lib} ${test_uses} tepui_warnings GTest::gmock GTest::gtest_main)
    tepui_test_options(${name}_test "${ARG_PROTO}" "${ARG_LONG_TESTS}")
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 900)
  endif()
endfunction()

# The instrumentation by which libFuzzer sees which code an input reached. It slows code down, so only what fuzz targets run
# has it.
function(tepui_trace_coverage target)
  if(TEPUI_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize-coverage=inline-8bit-counters,indirect-calls,trace-cmp,pc-table)
  endif()
endfunction()

# How tests are compiled: without optimization, for a test's own code costs seconds to optimize and milliseconds to run.
# What they test is compiled as always, but for inline functions: the linker takes those of the test. Tests that run for
# minutes are therefore optimized.
function(tepui_test_options target proto long)
  set(pch tepui_test_pch)
  if(long)
    set(pch tepui_proto_pch)
  else()
    target_compile_options(${target} PRIVATE -O0)
  endif()
  if(proto)
    # The precompiled header is position-independent as libraries are; executables would be compiled with -fPIE.
    target_compile_options(${target} PRIVATE -fPIC)
    target_precompile_headers(${target} REUSE_FROM ${pch})
  endif()
endfunction()
