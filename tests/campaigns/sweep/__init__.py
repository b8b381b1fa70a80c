"""`make test-sweep`: a sweep on Pis that are killed, frozen, unplugged and added."""
