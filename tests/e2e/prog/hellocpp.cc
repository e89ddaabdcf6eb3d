/* SPDX-License-Identifier: Apache-2.0
 * C++ with its run-time library: constructors, exceptions, containers, streams.
 */
#include <algorithm>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

static std::vector<std::string> words{"c++", "from", "hello"};

int main()
{
	try {
		throw std::runtime_error("caught");
	} catch (const std::exception &e) {
		std::reverse(words.begin(), words.end());
		for (const auto &word : words)
			std::cout << word << ' ';
		std::cout << e.what() << std::endl;
	}
}
