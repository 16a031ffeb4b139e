# Hardening of everything that is built. flyball runs as root on input that others write: file names, perf maps, ELF files.
# tests/hygiene/hardening.sh looks for it in the binaries.
include(CheckCXXCompilerFlag)
add_compile_options(-fPIE -fstack-protector-strong)
add_link_options(-pie LINKER:-z,relro,-z,now)
# Control flow: the first for x86-64, the second for arm64.
foreach(flag IN ITEMS -fstack-clash-protection -fcf-protection -mbranch-protection=standard)
  string(MAKE_C_IDENTIFIER "FLYBALL_HAS${flag}" has)
  check_cxx_compiler_flag(${flag} ${has})
  if(${has})
    add_compile_options(${flag})
  endif()
endforeach()
if(NOT FLYBALL_SANITIZE)
  # It needs the optimiser; the sanitizers have checks of their own. -U: some compilers define it themselves.
  add_compile_options("$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3>")
endif()
