// The `ripe` program: nothing but the start; everything else is in the library Commands, which libripe.so shares.

import Commands

@main
enum Main {
    static func main() { Start.main() }
}
