// SPDX-License-Identifier: BSD-2-Clause
//
// greet.cc - the client of hello.c once more, in C++
//
//	hello bus.file server &
//	greet bus.file
//
// It includes <shmif_lwipv6.h> where a C program includes <lwipv6.h>.
#include <shmif_lwipv6.h>

#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

// An interface on a bus.
class Unit {
public:
	Unit(const char *bus, const char *address) : number(-1)
	{
		check(shmif_create(bus, &number), bus);
		check(shmif_add_addr(number, address), address);
		check(shmif_up(number), bus);
	}
	~Unit()
	{
		shmif_destroy(number);
	}

private:
	Unit(const Unit &);
	Unit &operator=(const Unit &);
	static void check(int error, const char *what)
	{
		if (error != 0)
			throw std::runtime_error(
			    std::string(what) + ": " + std::strerror(error));
	}
	int number;
};

// What the server at ADDRESS says.
std::string
ask(const sockaddr_in &address)
{
	int s = lwip_socket(AF_INET, SOCK_STREAM, 0);
	std::string all;
	char buf[100];
	ssize_t n;

	if (s == -1)
		throw std::runtime_error("no socket");
	if (lwip_connect(s, reinterpret_cast<const sockaddr *>(&address),
		sizeof(address)) == -1) {
		lwip_close(s);
		throw std::runtime_error("nobody answers at 10.0.0.1");
	}
	while ((n = lwip_recv(s, buf, sizeof(buf), 0)) > 0)
		all.append(buf, static_cast<std::size_t>(n));
	lwip_close(s);
	return all;
}

} // namespace

int
main(int argc, char **argv)
{
	sockaddr_in address = sockaddr_in();

	if (argc != 2) {
		std::cerr << "usage: greet bus.file\n";
		return 2;
	}
	address.sin_family = AF_INET;
	address.sin_port = htons(7000);
	address.sin_addr.s_addr = htonl(0x0a000001); // 10.0.0.1
	try {
		Unit unit(argv[1], "10.0.0.3/24");

		std::cout << ask(address);
	} catch (const std::exception &e) {
		std::cerr << "greet: " << e.what() << '\n';
		return 1;
	}
	return 0;
}
