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

# rotunda_unit_test(<path> USES <layer>...): tests/unit/<path>_test.c, as ctest unit/<path>.
function(rotunda_unit_test path)
    cmake_parse_arguments(TEST "" "" "USES;SOURCES" ${ARGN})
    string(REPLACE "/" "_" flat ${path})
    set(target unit_${flat})
    add_executable(${target} ${CMAKE_SOURCE_DIR}/tests/unit/${path}_test.c ${TEST_SOURCES})
    foreach(used IN LISTS TEST_USES)
        target_link_libraries(${target} PRIVATE rotunda_${used})
    endforeach()
    target_link_libraries(${target} PRIVATE cmocka)
    add_test(NAME unit/${path} COMMAND ${target})
    set_tests_properties(unit/${path} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()
