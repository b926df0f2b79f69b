# serin_module(NAME DEPS module... LIBS library... PRIVATE_LIBS library...)
#
# One room of src/. Builds the static library serin_NAME from every .cc of src/NAME (subfolders too) that is
# not a test, and NAME_test from the *_test.cc files. Its headers are visible as "NAME/x.h" to the modules that
# name it in DEPS, and to no others: an undeclared include does not compile.
#
# Sources under a folder listed in EXCLUDE are left to the module's own CMakeLists.txt.
function(serin_module NAME)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS;PRIVATE_LIBS;EXCLUDE;TEST_DEPS;TEST_LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  foreach(excluded ${ARG_EXCLUDE})
    list(FILTER sources EXCLUDE REGEX "/${NAME}/${excluded}/")
  endforeach()
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")

  set(room ${CMAKE_BINARY_DIR}/rooms/${NAME})
  file(MAKE_DIRECTORY ${room})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${room}/${NAME} SYMBOLIC)

  add_library(serin_${NAME} STATIC ${sources})
  target_include_directories(serin_${NAME} PUBLIC ${room})
  target_compile_options(serin_${NAME} PRIVATE ${SERIN_WARNINGS})
  set_target_properties(serin_${NAME} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(serin_${NAME} PUBLIC Threads::Threads ${ARG_LIBS} PRIVATE ${ARG_PRIVATE_LIBS})
  foreach(dep ${ARG_DEPS})
    target_link_libraries(serin_${NAME} PUBLIC serin_${dep})
  endforeach()

  if(tests)
    add_executable(${NAME}_test ${tests})
    # Only the code under test is worth optimising; this halves the time that tests take to build.
    target_compile_options(${NAME}_test PRIVATE ${SERIN_WARNINGS} $<$<CONFIG:Release>:-O0>)
    target_link_libraries(${NAME}_test PRIVATE serin_${NAME} ${ARG_TEST_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
    foreach(dep ${ARG_TEST_DEPS})
      target_link_libraries(${NAME}_test PRIVATE serin_${dep})
    endforeach()
    add_test(NAME ${NAME} COMMAND ${NAME}_test)
  endif()
endfunction()

# g++ 12 reports overlaps in std::string's own operator+ when it optimises (GCC bug 105329). Warnings are errors where
# people work on the code (the presets set SERIN_WERROR), never where they only want to build it.
option(SERIN_WERROR "Warnings are errors" OFF)
set(SERIN_WARNINGS -Wall -Wextra -Wno-missing-field-initializers -Wno-restrict $<$<BOOL:${SERIN_WERROR}>:-Werror>)

if(SERIN_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(SERIN_TSAN)
  add_compile_options(-fsanitize=thread -Wno-tsan)  # Asio uses fences, which the sanitizer does not model
  add_link_options(-fsanitize=thread)
endif()
