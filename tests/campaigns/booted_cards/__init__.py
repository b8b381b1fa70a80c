"""Cards in booted machines under QEMU: a simulated radio, a simulated USB cable."""
