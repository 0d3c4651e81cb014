// caisson: the command line. Each subcommand is a file beside this one.

#include <iostream>

#include "tools/caisson/command.h"

int main(int argc, char** argv) { return caisson::tools::run(argc, argv, std::cout, std::cerr); }
