# serin_allocator(TARGET): a program that serves uses mimalloc in place of the C library's malloc (docs/guide/performance.md
# says what that gains). The sanitizers bring allocators of their own.
function(serin_allocator TARGET)
  if(SERIN_SANITIZE OR SERIN_TSAN)
    return()
  endif()
  find_library(MIMALLOC mimalloc REQUIRED)
  # The program calls none of its functions: without this the linker would leave it out.
  target_link_options(${TARGET} PRIVATE LINKER:--push-state,--no-as-needed ${MIMALLOC} LINKER:--pop-state)
endfunction()
