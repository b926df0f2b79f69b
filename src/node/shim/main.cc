#include "node/shim/shim.h"

int main(int argc, char** argv) { return serin::node::shim_main({argv + 1, argv + argc}); }
