# SPDX-License-Identifier: ISC
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# rotunda_layer(<name> SOURCES ... [USES <layer>...] [PACKAGES <pkg-config name>...]
#               [LIBRARIES <library>...])
# A layer is one static library. USES names the layers it may include; PACKAGES and LIBRARIES are
# the third-party libraries that only this layer may touch.
function(rotunda_layer name)
    cmake_parse_arguments(LAYER "" "" "SOURCES;USES;PACKAGES;LIBRARIES" ${ARGN})
    set(target rotunda_${name})
    add_library(${target} STATIC ${LAYER_SOURCES})
    foreach(used IN LISTS LAYER_USES)
        target_link_libraries(${target} PUBLIC rotunda_${used})
    endforeach()
    foreach(package IN LISTS LAYER_PACKAGES)
        string(MAKE_C_IDENTIFIER ${package} variable)
        pkg_check_modules(${variable} REQUIRED IMPORTED_TARGET ${package})
        target_link_libraries(${target} PUBLIC PkgConfig::${variable})
    endforeach()
    target_link_libraries(${target} PUBLIC ${LAYER_LIBRARIES})
endfunction()

# The program of one cmocka test: <kind>/<path> becomes tests/<kind>/<path>_test.c and the target
# <kind>_<path>.
function(rotunda_test_program kind path)
    cmake_parse_arguments(TEST "" "" "USES;SOURCES" ${ARGN})
    string(REPLACE "/" "_" flat ${path})
    set(target ${kind}_${flat})
    add_executable(${target} ${CMAKE_SOURCE_DIR}/tests/${kind}/${path}_test.c ${TEST_SOURCES})
    foreach(used IN LISTS TEST_USES)
        target_link_libraries(${target} PRIVATE rotunda_${used})
    endforeach()
    target_link_libraries(${target} PRIVATE cmocka)
endfunction()

# rotunda_unit_test(<path> USES <layer>... [SOURCES ...]): tests/unit/<path>_test.c, as ctest
# unit/<path>.
function(rotunda_unit_test path)
    rotunda_test_program(unit ${path} ${ARGN})
    string(REPLACE "/" "_" flat ${path})
    add_test(NAME unit/${path} COMMAND unit_${flat})
    set_tests_properties(unit/${path} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

# rotunda_store_test(<path> USES <layer>... [SOURCES ...]): a test that needs a database, in
# tests/unit/<path>_test.c or tests/integration/<path>_test.c. It finds the connection string of
# a private, empty PostgreSQL in ROTUNDA_TEST_DATABASE; the server lives as long as the test.
function(rotunda_store_test path)
    set(kind integration)
    if(EXISTS ${CMAKE_SOURCE_DIR}/tests/unit/${path}_test.c)
        set(kind unit)
    endif()
    rotunda_test_program(${kind} ${path} ${ARGN})
    string(REPLACE "/" "_" flat ${path})
    add_test(NAME ${kind}/${path}
             COMMAND sh ${CMAKE_SOURCE_DIR}/tests/support/with-postgres.sh
                     $<TARGET_FILE:${kind}_${flat}>)
    set_tests_properties(${kind}/${path} PROPERTIES LABELS "${kind};store" TIMEOUT 300)
endfunction()

# rotunda_fuzz_target(<name> USES <layer>...): tests/fuzz/fuzz_<name>.c, which defines
# LLVMFuzzerTestOneInput(). The fuzz preset links it with libFuzzer; everywhere ctest fuzz/<name>
# runs it once over every file of its corpus, tests/fuzz/corpus/<name>/.
function(rotunda_fuzz_target name)
    cmake_parse_arguments(FUZZ "" "" "USES" ${ARGN})
    set(target fuzz_${name})
    set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    add_executable(${target} ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_${name}.c)
    foreach(used IN LISTS FUZZ_USES)
        target_link_libraries(${target} PRIVATE rotunda_${used})
    endforeach()
    if(ROTUNDA_FUZZ)
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
        add_test(NAME fuzz/${name} COMMAND ${target} -runs=0 ${corpus})
    else()
        target_sources(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support/fuzz_replay.c)
        add_test(NAME fuzz/${name} COMMAND ${target} ${corpus})
    endif()
    set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()
