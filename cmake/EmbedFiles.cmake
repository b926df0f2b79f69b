# serin_embed(TARGET NAME files...)
#
# Embeds files into TARGET. The generated header "embedded/NAME.h" declares
# `std::span<const serin::embedded::File> serin::embedded::NAME()`, each File being {name, bytes} with the
# name relative to the project's root.
function(serin_embed TARGET NAME)
  set(out ${CMAKE_BINARY_DIR}/embedded/${NAME})
  add_custom_command(
    OUTPUT ${out}/embedded/${NAME}.h ${out}/${NAME}.cc
    COMMAND python3 ${CMAKE_SOURCE_DIR}/cmake/embed.py ${NAME} ${CMAKE_SOURCE_DIR} ${out} ${ARGN}
    DEPENDS ${CMAKE_SOURCE_DIR}/cmake/embed.py ${ARGN}
    VERBATIM)
  target_sources(${TARGET} PRIVATE ${out}/${NAME}.cc ${out}/embedded/${NAME}.h)
  target_include_directories(${TARGET} PRIVATE ${out})
endfunction()
