"""van de Ven et al. 2022: three scenarios of split MNIST, and how well each kind of method does."""
