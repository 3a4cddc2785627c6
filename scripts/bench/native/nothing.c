// The least that a process can cost: a static program that does nothing.
int main(void) { return 0; }
