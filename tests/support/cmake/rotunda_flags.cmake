# SPDX-License-Identifier: ISC
# Compiler flags shared by every target. The presets choose among the options.
option(ROTUNDA_WERROR "Treat warnings as errors" OFF)
option(ROTUNDA_HARDEN "Build with the hardening flags of the release preset" OFF)
option(ROTUNDA_FUZZ "Build the fuzz targets on libFuzzer (clang only)" OFF)
option(ROTUNDA_COVERAGE "Instrument for coverage" OFF)
set(ROTUNDA_SANITIZE "" CACHE STRING "Value for -fsanitize=")

set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
add_compile_options(-std=gnu2x)
add_compile_definitions(_GNU_SOURCE)
include_directories(${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)

add_compile_options(
    -Wall -Wextra -Wpedantic -Wformat=2 -Wconversion -Wsign-conversion -Wshadow -Wundef -Wvla
    -Walloca -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wpointer-arith -Wwrite-strings
    -Wnull-dereference -Wswitch-enum)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wcast-align=strict
                        -Wimplicit-fallthrough=5 -Wjump-misses-init)
    # Sanitizers put red zones on the stack, and their calls hide from gcc what is initialised.
    if(ROTUNDA_SANITIZE)
        add_compile_options(-Wno-maybe-uninitialized)
    else()
        add_compile_options(-Wstack-usage=8192)
    endif()
else()
    # clang spells these differently, or warns about extensions that gcc's -Wpedantic accepts.
    add_compile_options(-Wimplicit-fallthrough -Wno-unknown-warning-option -Wno-c2x-extensions
                        -Wno-gnu-statement-expression -Wno-gnu-zero-variadic-macro-arguments)
endif()
if(ROTUNDA_WERROR)
    add_compile_options(-Werror)
endif()

if(ROTUNDA_HARDEN)
    # Loadable modules stay -fPIC and without -pie; everything else ends in the program.
    set(is_module $<STREQUAL:$<TARGET_PROPERTY:TYPE>,MODULE_LIBRARY>)
    set(is_program $<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>)
    add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection=full
                        -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr
                        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 $<$<NOT:${is_module}>:-fPIE>)
    add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack $<${is_program}:-pie>)
    # `cmake --install` strips, without being asked.
    install(CODE "set(CMAKE_INSTALL_DO_STRIP TRUE)")
endif()
if(ROTUNDA_SANITIZE)
    add_compile_options(-fsanitize=${ROTUNDA_SANITIZE} -fno-sanitize-recover=undefined
                        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${ROTUNDA_SANITIZE})
endif()
if(ROTUNDA_COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
endif()
